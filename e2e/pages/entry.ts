/** Getting in: the one-time link, an invite, signing in. */
import type { Page } from "@playwright/test";

export interface Account {
  name: string;
  email: string;
  password: string;
}

export const ENGINEER: Account = {
  name: "Ines Okafor",
  email: "ines@example.com",
  password: "correct horse battery",
};
export const APPROVER: Account = {
  name: "Mei Tanaka",
  email: "mei@example.com",
  password: "staple orange lantern",
};

export class EntryPages {
  constructor(private readonly page: Page) {}

  async makeFirstTeam(link: string, account: Account, team: string): Promise<void> {
    await this.page.goto(link);
    await this.fillAccount(account);
    await this.page.getByLabel("Team").fill(team);
    await this.page.getByRole("button", { name: "Make the team" }).click();
    await this.page.waitForURL(/\/models$/);
  }

  async join(inviteUrl: string, account: Account): Promise<void> {
    await this.page.goto(inviteUrl);
    await this.fillAccount(account);
    await this.page.getByRole("button", { name: "Join" }).click();
    await this.page.waitForURL(/\/models$/);
  }

  async signIn(url: string, account: Account): Promise<void> {
    await this.page.goto(`${url}/sign-in`);
    await this.page.getByLabel("E-mail").fill(account.email);
    await this.page.getByLabel("Password").fill(account.password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.waitForURL(/\/overview$/);
  }

  private async fillAccount({ name, email, password }: Account): Promise<void> {
    await this.page.getByLabel("Your name").fill(name);
    await this.page.getByLabel("E-mail").fill(email);
    await this.page.getByLabel("Password").fill(password);
  }
}
