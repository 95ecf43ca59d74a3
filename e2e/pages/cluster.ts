/** The cluster's page: its pools and its ledger. */
import { expect, type Locator, type Page } from "@playwright/test";

export class ClusterPages {
  constructor(
    private readonly page: Page,
    private readonly team: string,
  ) {}

  async open(): Promise<void> {
    await this.page.goto(`/${this.team}/cluster`);
    await expect(this.page.getByRole("heading", { name: "Cluster", exact: true })).toBeVisible();
  }

  /** How many nodes are up, the head apart. */
  async nodes(): Promise<number> {
    const text = await this.page
      .locator(".head")
      .getByText(/nodes? ready/)
      .textContent();
    return Number(/(\d+) nodes? ready/.exec(text ?? "")?.[1]);
  }

  /** Opens a pool's dialog and fills in its fields, by their labels. */
  async edit(pool: string, fields: Record<string, string>): Promise<void> {
    await this.page.getByRole("button", { name: `Edit ${pool}` }).click();
    for (const [label, value] of Object.entries(fields)) await this.page.getByLabel(label).fill(value);
  }

  async set(): Promise<void> {
    await this.page.getByRole("button", { name: "Set the pool" }).click();
    await expect(this.page.getByRole("dialog")).toHaveCount(0);
  }

  /** The card of the node that has this on it. */
  nodeOf(work: string): Locator {
    const link = this.page.getByRole("link", { name: work, exact: true });
    return this.page.locator("ul.nodes > li").filter({ has: link });
  }

  /** Drains a node from its sheet, once it said of `work` what becomes of it. */
  async drain(node: Locator, work: string, becomes: RegExp, reason: string): Promise<void> {
    await node.getByRole("button").first().click();
    await this.page.getByRole("button", { name: "Drain…" }).click();
    const dialog = this.page.getByRole("alertdialog").or(this.page.getByRole("dialog")).last();
    await expect(dialog.getByRole("listitem").filter({ hasText: work })).toContainText(becomes);
    await dialog.getByLabel("Why").fill(reason);
    await dialog.getByRole("button", { name: "Drain it" }).click();
    await expect(dialog.getByLabel("Why")).toHaveCount(0);
    await this.page.keyboard.press("Escape");
  }

  /** The newest decision in the ledger whose row reads like this. */
  decision(says: RegExp): Locator {
    return this.page
      .getByRole("table", { name: "Scaling decisions" })
      .getByRole("row", { name: says })
      .first();
  }
}
