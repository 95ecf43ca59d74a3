import { expect, type Page } from "@playwright/test";

export class SettingsPage {
  constructor(private readonly page: Page) {}

  async open(team: string): Promise<void> {
    await this.page.goto(`/${team}/settings`);
    await expect(this.page.getByRole("heading", { name: /^Settings of/ })).toBeVisible();
  }

  /** Makes an invite with exactly these roles and answers its link. */
  async invite(roles: readonly string[]): Promise<string> {
    await this.page.getByRole("button", { name: "Invite…" }).click();
    const dialog = this.page.getByRole("dialog", { name: "Invite someone" });
    for (const role of ["viewer", "engineer", "approver", "operator", "admin"]) {
      await dialog.getByRole("checkbox", { name: new RegExp(`^${role}:`) }).setChecked(roles.includes(role));
    }
    await dialog.getByRole("button", { name: "Make a link" }).click();
    const link = dialog.getByText(/\/invite\?token=/);
    await expect(link).toBeVisible();
    const url = /http\S+token=[\w-]+/.exec((await link.textContent()) ?? "")?.[0];
    if (!url) throw new Error("the dialog shows no link");
    await dialog.getByRole("button", { name: "Done" }).click();
    return url;
  }

  async makeToken(name: string): Promise<string> {
    await this.page.getByRole("button", { name: "New token…" }).click();
    const dialog = this.page.getByRole("dialog", { name: "New token" });
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByRole("button", { name: "Make the token" }).click();
    const shown = dialog.getByText(/^lathe_/);
    await expect(shown).toBeVisible();
    const token = /lathe_[\w-]+/.exec((await shown.textContent()) ?? "")?.[0];
    if (!token) throw new Error("the dialog shows no token");
    await dialog.getByRole("button", { name: "Done" }).click();
    return token;
  }
}
