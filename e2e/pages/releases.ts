/** Requests, approvals, and the way back. */
import { expect, type Page } from "@playwright/test";
import { now } from "../fixtures/load";

export class ReleasePages {
  constructor(
    private readonly page: Page,
    private readonly team: string,
  ) {}

  /** From a version's page: asks for production, and answers the request's number. */
  async request(note: string): Promise<number> {
    await this.page.getByRole("link", { name: "Request production…" }).click();
    await this.page.getByLabel("Why should it serve?").fill(note);
    await this.page.getByRole("button", { name: /request/i }).click();
    await this.page.waitForURL(/\/releases\/requests\/\d+$/);
    return Number(/\d+$/.exec(this.page.url())?.[0]);
  }

  async openRequest(number: number): Promise<void> {
    await this.page.goto(`/${this.team}/releases/requests/${number}`);
  }

  async expectApproveRefused(words: RegExp): Promise<void> {
    await expect(this.page.getByRole("button", { name: "Approve…" })).toBeDisabled({ timeout: 120_000 });
    await expect(this.page.getByText(words).first()).toBeVisible({ timeout: 120_000 });
  }

  async approve(): Promise<void> {
    const button = this.page.getByRole("button", { name: "Approve…" });
    await expect(button).toBeEnabled({ timeout: 180_000 });
    await button.click();
    await this.page.getByRole("alertdialog").getByRole("button", { name: "Approve", exact: true }).click();
    await expect(this.page.getByText(/^Approved:/)).toBeVisible();
  }

  async openModel(model: string): Promise<void> {
    await this.page.goto(`/${this.team}/releases/${model}`);
    await expect(this.page.getByRole("region", { name: "Roll back production" })).toBeVisible();
  }

  async expectServing(number: number): Promise<void> {
    await expect(this.page.getByText(new RegExp(`v${number}`)).first()).toBeVisible({ timeout: 120_000 });
  }

  /** One press, one confirm; answers when the confirming press was begun. */
  async rollBack(to: number): Promise<number> {
    await this.page.getByRole("button", { name: `Roll back to v${to}…` }).click();
    const confirm = this.page
      .getByRole("alertdialog")
      .getByRole("button", { name: "Roll back", exact: true });
    await expect(confirm).toBeVisible();
    const confirmed = now();
    await confirm.click();
    return confirmed;
  }

  async goForward(to: number): Promise<void> {
    await this.page.getByRole("button", { name: `Forward to v${to}…` }).click();
    await this.page.getByRole("alertdialog").getByRole("button", { name: "Go forward", exact: true }).click();
  }
}
