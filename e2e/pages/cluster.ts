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

  /** The newest decision in the ledger whose row reads like this. */
  decision(says: RegExp): Locator {
    return this.page
      .getByRole("table", { name: "Scaling decisions" })
      .getByRole("row", { name: says })
      .first();
  }
}
