/** Models: upload, a version's page, and where its buttons lead. */
import { expect, type Locator, type Page } from "@playwright/test";

export class ModelsPage {
  constructor(
    private readonly page: Page,
    private readonly team: string,
  ) {}

  async open(): Promise<void> {
    await this.page.goto(`/${this.team}/models`);
    await expect(this.page.getByRole("heading", { name: "Models", exact: true })).toBeVisible();
  }

  /** Uploads a file as a new model and waits on its version's page. */
  async upload(path: string, name: string): Promise<void> {
    await this.open();
    const chooser = this.page.waitForEvent("filechooser");
    await this.page.getByText("Upload a model…").first().click();
    await (await chooser).setFiles(path);
    const sheet = this.page.getByRole("dialog", { name: "Upload a model" });
    await sheet.getByLabel("Name").fill(name);
    await sheet.getByRole("button", { name: "Create and inspect" }).click();
    await this.page.waitForURL(new RegExp(`/models/${name}/v/1$`));
  }

  async openVersion(model: string, number: number): Promise<void> {
    await this.page.goto(`/${this.team}/models/${model}/v/${number}`);
    await expect(this.page.getByRole("heading", { name: `${model} v${number}` })).toBeVisible();
  }

  /** The state shown beside the title, without reloading. */
  async expectState(state: string): Promise<void> {
    await expect(this.page.locator(".head").getByText(state, { exact: true })).toBeVisible({
      timeout: 120_000,
    });
  }

  /** Ticks versions on the model's page and opens them side by side; answers the table. */
  async compare(model: string, numbers: readonly number[]): Promise<Locator> {
    await this.page.goto(`/${this.team}/models/${model}`);
    for (const number of numbers)
      await this.page.getByRole("checkbox", { name: `Compare v${number}`, exact: true }).click();
    await this.page.getByRole("link", { name: /^Compare/ }).click();
    await this.page.waitForURL(/\/compare\?/);
    return this.page.getByRole("region", { name: "Versions side by side" });
  }
}
