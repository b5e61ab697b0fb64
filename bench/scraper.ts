/** Reads a server's metrics once in a second, as often as a very curious Prometheus would. */

const everyMs = 1000;

export class Scraper {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  readonly #under = new Set<Promise<void>>();
  #scrapes = 0;
  #failure: Error | undefined;

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => this.#begin(), everyMs);
    this.#begin();
  }

  /**
   * Ends it. @returns how often it has read something
   * @throws Error if a server was measured without being scraped, or what it told was not of this measurement.
   */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await Promise.all(this.#under);
    if (this.#failure !== undefined) throw this.#failure;
    return this.#scrapes;
  }

  #begin(): void {
    const scrape = this.#scrape()
      .catch((error: unknown) => {
        this.#failure ??= new Error(`a scrape has failed: ${error instanceof Error ? error.message : error}`);
      })
      .finally(() => this.#under.delete(scrape));
    this.#under.add(scrape);
  }

  async #scrape(): Promise<void> {
    const response = await fetch(this.#url);
    checkScrape(await response.text());
    this.#scrapes++;
  }
}

/** @throws Error unless the text is of a server that measures its loop, which is what the measurement is about. */
export function checkScrape(text: string): void {
  for (const metric of ["portolan_received_bytes_total", "portolan_loop_pass_seconds_count"]) {
    if (!new RegExp(`^${metric}\\{.*\\} \\d+$`, "m").test(text)) throw new Error(`it says nothing of ${metric}`);
  }
}
