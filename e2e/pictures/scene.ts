/** What a picture is of, and how its state is reached: the words in which the catalogue is written. */
import type { Locator, Page } from "@playwright/test";
import { type Answers, REQUEST_ID } from "./answers";
import type { World } from "./world";

export interface Scene {
  /** `<screen>/<state>`, as the file is called. */
  name: string;
  /** Below the team, `cluster?nodes=table`; with a leading slash it is the whole address. */
  at: string | ((world: World) => string | Promise<string>);
  /** What is done on the page before it is looked at. */
  act?: (page: Page, world: World) => Promise<unknown>;
  /** Held, failed and refused answers. */
  answers?: Answers;
  /** What is seen in this state only; it is waited for. */
  shows: (page: Page) => Locator;
  /** Something lies over the page, so that only the window is photographed. */
  isOver?: boolean;
}

/** Scenes that share what the world is like. Chapters follow each other: each goes on from the one before it. */
export interface Chapter {
  title: string;
  /** Whose pages they are. */
  team: (world: World) => string;
  make: (world: World) => Promise<void>;
  scenes: readonly Scene[];
}

type Place = Pick<Scene, "name" | "at"> & Partial<Scene>;

/** The same place while its answers are on their way. */
export const loading = (place: Place, ...procedures: string[]): Scene => ({
  shows: (page) => page.locator(".sk, [aria-busy=true]").first(),
  ...place,
  answers: { hold: procedures },
});

/** The same place when the server fails: what it says of it names the request. */
export const failing = (place: Place, ...procedures: string[]): Scene => ({
  shows: (page) => page.getByText(REQUEST_ID).first(),
  ...place,
  answers: { fail: procedures },
});

export const heading = (name: string) => (page: Page) => page.getByRole("heading", { name, exact: true });
export const row = (name: RegExp) => (page: Page) => page.getByRole("row", { name }).first();
export const dialog = (has: string | RegExp) => (page: Page) =>
  page.getByRole("dialog").or(page.getByRole("alertdialog")).getByText(has).first();
