/** The studio: dials, measured figures, commit. */
import { expect, type Locator, type Page } from "@playwright/test";

const SESSION_MS = 120_000;

export class StudioPage {
  constructor(private readonly page: Page) {}

  get figures(): Locator {
    return this.page.getByRole("region", { name: "Figures of this setting" });
  }

  async open(team: string, model: string, number: number, dials = ""): Promise<void> {
    await this.page.goto(`/${team}/models/${model}/v/${number}/studio${dials}`);
    await expect(this.page.getByText(/Session warm/)).toBeVisible({ timeout: SESSION_MS });
    await expect(this.figures).toBeVisible({ timeout: SESSION_MS });
  }

  async turnSparsity(percent: number): Promise<void> {
    const slider = this.page.getByRole("slider", { name: "Sparsity" });
    await slider.focus();
    await slider.press("Home");
    for (let at = 0; at < percent; at += 10) await slider.press("PageUp");
  }

  /** Sets the channels dial to its n-th stop from the left end; where it may land depends on the model. */
  async turnChannels(stop: number): Promise<void> {
    const slider = this.page.getByRole("slider", { name: "Channels" });
    await slider.focus();
    await slider.press("Home");
    for (let at = 0; at < stop; at += 1) await slider.press("ArrowRight");
    await expect(slider).not.toHaveAttribute("aria-valuetext", "0%");
  }

  /** Where a hand takes hold of a dial. */
  async thumbOf(name: string): Promise<{ x: number; y: number }> {
    const dial = this.page.locator(".dial", { has: this.page.getByRole("slider", { name }) });
    const box = await dial.locator(".thumb").boundingBox();
    if (!box) throw new Error(`${name} is not in sight`);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }

  async choosePrecision(name: "fp32" | "fp16" | "int8" | "int4"): Promise<void> {
    await this.page
      .getByRole("radio", { name, exact: true })
      .or(this.page.getByRole("button", { name, exact: true }))
      .first()
      .click();
  }

  async allocate(by: "magnitude" | "uniform" | "sensitivity"): Promise<void> {
    await this.page.getByRole("radio", { name: by }).click();
  }

  /** Moves the edge of the first layer's bar, which locks it where it then stands; answers the layer's name. */
  async lockFirstLayer(): Promise<string> {
    const bar = this.page.getByRole("slider", { name: /^Zeros of / }).first();
    const name = ((await bar.getAttribute("aria-label")) ?? "").replace("Zeros of ", "");
    await bar.focus();
    await bar.press("ArrowLeft");
    await expect(this.page.getByRole("button", { name: `Lock ${name} at` })).toHaveAttribute(
      "aria-pressed",
      "true",
    );
    return name;
  }

  /** Waits until the setting of the dials is measured on the whole test set; answers its accuracy in percent. */
  async waitForWholeSet(): Promise<number> {
    await expect(
      this.figures.getByText("on the whole test set").or(this.figures.getByText("measured before")),
    ).toBeVisible({
      timeout: SESSION_MS,
    });
    const text = (await this.figures.textContent()) ?? "";
    const accuracy = /(\d+\.\d+)%/.exec(text)?.[1];
    if (!accuracy) throw new Error(`no accuracy in: ${text}`);
    return Number(accuracy);
  }

  /**
   * Milliseconds from letting go of the sparsity dial, some pixels further right, to the frame with its first measured
   * figure, by the browser's own clock. It must lead to a setting that was not measured before.
   */
  async timeToMeasured(pixels: number): Promise<number> {
    const { x, y } = await this.thumbOf("Sparsity");
    const watched = await this.page.getByTestId("tile-accuracy").evaluateHandle((shown) => ({
      measured: new Promise<number>((resolve, reject) => {
        setTimeout(() => reject(new Error(`nothing new was measured: ${shown.textContent}`)), 20_000);
        document.addEventListener(
          "pointerup",
          ({ timeStamp }) => {
            const watch = new MutationObserver(() => {
              if (!shown.querySelector(".kind:not(.pred)")) return;
              watch.disconnect();
              requestAnimationFrame((frame) => resolve(frame - timeStamp));
            });
            watch.observe(shown, { subtree: true, childList: true, attributes: true });
          },
          { once: true, capture: true },
        );
      }),
    }));
    await this.page.mouse.move(x, y);
    await this.page.mouse.down();
    await this.page.mouse.move(x + pixels, y, { steps: 4 });
    await this.page.mouse.up();
    return watched.evaluate(({ measured }) => measured);
  }

  /** Drags the sparsity dial for a second; answers the frames that it took and the slowest answer to the hand, ms. */
  async drag(): Promise<{ frames: number[]; slowest: number }> {
    const { x, y } = await this.thumbOf("Sparsity");
    const watched = await this.page.evaluateHandle(() => ({
      seen: (async () => {
        const frames: number[] = [];
        let slowest = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) slowest = Math.max(slowest, entry.duration);
        }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
        const began = performance.now();
        for (let last = began; last < began + 1500; ) {
          const now = await new Promise<number>(requestAnimationFrame);
          frames.push(now - last);
          last = now;
        }
        return { frames, slowest };
      })(),
    }));
    await this.page.mouse.move(x, y);
    await this.page.mouse.down();
    for (let step = 1; step <= 60; step += 1) {
      await this.page.mouse.move(x + step * 2, y);
      await this.page.waitForTimeout(16);
    }
    await this.page.mouse.up();
    return watched.evaluate(({ seen }) => seen);
  }

  /** Searches for the fewest bytes that lose at most so many points. */
  async findWithin(points: string): Promise<void> {
    await this.page.getByLabel("Accuracy lost at most").fill(points);
    await this.page.getByRole("button", { name: "Find", exact: true }).click();
  }

  /** What the search tried so far. */
  get path(): Locator {
    return this.page.getByRole("list", { name: "Settings that were tried" }).getByRole("listitem");
  }

  /** What the address says of the dials; it follows them within a quarter of a second, so ask until it does. */
  dials(): string {
    return new URL(this.page.url()).search;
  }

  /** Presses the lightest setting in the chart of everything measured. */
  async pressLightest(): Promise<void> {
    const chart = this.page.getByRole("region", { name: "Everything measured" });
    await chart.locator("circle.can-press").first().click();
  }

  async mergeWith(number: number): Promise<void> {
    await this.page.getByRole("combobox", { name: "Version to merge with" }).click();
    await this.page.getByRole("option", { name: `with v${number}` }).click();
  }

  /** Commits the dials and follows the run to its version; answers its number. */
  async commit(note: string): Promise<number> {
    await this.page.getByRole("button", { name: /^Commit as v/ }).click();
    const dialog = this.page.getByRole("dialog");
    await dialog.getByLabel("Note").fill(note);
    await dialog.getByRole("button", { name: "Commit", exact: true }).click();
    const link = dialog.getByRole("link", { name: /^Open v\d+$/ });
    await expect(link).toBeVisible({ timeout: 180_000 });
    const number = Number(/\d+/.exec((await link.textContent()) ?? "")?.[0]);
    await link.click();
    await this.page.waitForURL(/\/v\/\d+$/);
    return number;
  }
}
