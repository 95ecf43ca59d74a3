/** Launching a run and watching it. */
import { expect, type Locator, type Page } from "@playwright/test";

export class TrainingPages {
  constructor(private readonly page: Page) {}

  /** From a version's page to the run's page; answers the run's number. */
  async recover(epochs: string): Promise<number> {
    await this.page.getByRole("link", { name: /^(Recover by training|Train)…$/ }).click();
    await this.page.getByLabel("Epochs").fill(epochs);
    await this.page.getByRole("button", { name: "Launch on 2 workers" }).click();
    await this.page.waitForURL(/\/training\/\d+$/);
    return Number(/\d+$/.exec(this.page.url())?.[0]);
  }

  /** Uploads an archive and launches what is in it on two workers; answers the run's number. */
  async launchScript(team: string, archive: string, command: string): Promise<number> {
    await this.page.goto(`/${team}/training/new`);
    await this.page.getByRole("radio", { name: "Own script" }).click();
    await this.page.locator('input[type="file"]').setInputFiles(archive);
    await expect(this.page.getByText(/hash verified/)).toBeVisible();
    await this.page.getByLabel("Start with").fill(command);
    await this.page.getByRole("button", { name: "Launch on 2 workers" }).click();
    await this.page.waitForURL(/\/training\/\d+$/);
    return Number(/\d+$/.exec(this.page.url())?.[0]);
  }

  async expectState(state: "succeeded" | "failed" | "stopped" | "paused"): Promise<void> {
    await expect(this.page.locator(".head").getByText(state)).toBeVisible({ timeout: 180_000 });
  }

  /** The process of a rank of the newest attempt. */
  async pidOf(rank: number): Promise<number> {
    const row = this.panel("Workers")
      .getByRole("row")
      .nth(rank + 1);
    return Number(await row.getByRole("cell").last().textContent());
  }

  /** The line that a jump into the log led to. */
  get lineAt(): Locator {
    return this.page.getByRole("log").locator('[aria-current="true"]');
  }

  async stop(): Promise<void> {
    await this.page.getByRole("button", { name: "Stop…" }).click();
    await this.page.getByRole("button", { name: "Stop", exact: true }).click();
  }

  panel(name: string): Locator {
    const heading = this.page.getByRole("heading", { name, exact: true });
    return this.page.locator("section.panel").filter({ has: heading });
  }

  async expectRunning(): Promise<void> {
    await expect(this.page.locator(".head").getByText(/^running/)).toBeVisible({ timeout: 120_000 });
  }

  /** Waits for the version that the run makes; answers its number and opens it. */
  async openResult(): Promise<number> {
    const link = this.page.getByRole("link", { name: /^Open .+ v\d+$/ });
    await expect(link).toBeVisible({ timeout: 300_000 });
    const number = Number(/\d+$/.exec((await link.textContent())?.trim() ?? "")?.[0]);
    await link.click();
    await this.page.waitForURL(/\/v\/\d+$/);
    return number;
  }
}
