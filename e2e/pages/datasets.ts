/** Datasets: upload, and a dataset's page. */
import { expect, type Locator, type Page } from "@playwright/test";

export class DatasetsPage {
  constructor(
    private readonly page: Page,
    private readonly team: string,
  ) {}

  async open(): Promise<void> {
    await this.page.goto(`/${this.team}/datasets`);
    await expect(this.page.getByRole("heading", { name: "Datasets", exact: true })).toBeVisible();
  }

  /** Uploads files as one dataset, with what the form proposes, and waits on its page. */
  async upload(paths: string | readonly string[], name: string): Promise<void> {
    await this.open();
    const chooser = this.page.waitForEvent("filechooser");
    await this.page.getByText("Upload a dataset…").click();
    await (await chooser).setFiles(paths);
    const sheet = this.page.getByRole("dialog", { name: "Upload a dataset" });
    await sheet.getByLabel("Name", { exact: true }).fill(name);
    await sheet.getByRole("button", { name: "Create and check" }).click();
    await this.page.waitForURL(new RegExp(`/datasets/${name}$`));
  }

  /** The state shown beside the title, without reloading. */
  async expectState(state: string): Promise<void> {
    await expect(this.page.locator(".head").getByText(state, { exact: true })).toBeVisible({
      timeout: 120_000,
    });
  }

  /** Feeds a version a batch of a dataset's test samples, on the dataset's page; answers where it is told of. */
  async tryBatch(dataset: string, version: string): Promise<Locator> {
    await this.page.goto(`/${this.team}/datasets/${dataset}`);
    await this.page.getByRole("button", { name: `Try a batch on ${version}` }).click();
    return this.page
      .getByRole("list", { name: "Models that fit" })
      .getByRole("listitem")
      .filter({ hasText: version });
  }
}
