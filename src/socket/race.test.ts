import { describe, expect, it } from "vitest";
import { type RaceOptions, race } from "./race.ts";

interface Address {
  readonly family: string;
  readonly name: string;
}

const six: Address = { family: "inet6", name: "six" };
const four: Address = { family: "inet", name: "four" };
const fourToo: Address = { family: "inet", name: "fourToo" };

/** The shortest delay that RFC 8305 allows, so that nothing here takes long. */
const attemptDelayMs = 10;

/** An attempt that ends only when it is given up. */
function silence(signal: AbortSignal): Promise<string> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("given up")));
  });
}

function optionsWith(
  attempt: RaceOptions<Address, string>["attempt"],
  more: Partial<RaceOptions<Address, string>> = {},
): RaceOptions<Address, string> {
  return {
    attemptDelayMs,
    attempt,
    dispose: () => {},
    failed: (errors) => new AggregateError(errors, "all failed"),
    expired: (_errors, tried) => new Error(`late after ${tried.map(({ name }) => name).join(", ")}`),
    ...more,
  };
}

describe("race", () => {
  it("gives up the silent address when another answers", async () => {
    const begun: string[] = [];
    const abandoned: string[] = [];
    const attempt = async (address: Address, signal: AbortSignal): Promise<string> => {
      begun.push(address.name);
      signal.addEventListener("abort", () => abandoned.push(address.name));
      return address === four ? "connected" : await silence(signal);
    };
    expect(await race(() => [Promise.resolve([six, four, fourToo])], optionsWith(attempt))).toBe("connected");
    expect(begun).toEqual(["six", "four"]);
    expect(abandoned).toEqual(["six"]);
  });

  it("takes back the result of an attempt that was late", async () => {
    const taken: string[] = [];
    let release = (_result: string): void => {};
    const slow = new Promise<string>((resolve) => {
      release = resolve;
    });
    const attempt = (address: Address): Promise<string> => (address === six ? slow : Promise.resolve("fast"));
    const options = optionsWith(attempt, { dispose: (result) => taken.push(result) });
    expect(await race(() => [Promise.resolve([six, four])], options)).toBe("fast");
    release("slow");
    await slow;
    await Promise.resolve();
    expect(taken).toEqual(["slow"]);
  });

  it("gives the errors of all attempts, in the order in which they began", async () => {
    const attempt = async ({ name }: Address): Promise<string> => {
      throw new Error(name);
    };
    const failure = race(() => [Promise.resolve([six, fourToo, four])], optionsWith(attempt));
    const error = (await failure.catch((reason: unknown) => reason)) as AggregateError;
    expect(error.errors.map(({ message }: Error) => message)).toEqual(["six", "fourToo", "four"]);
  });

  it("goes on with what one look-up gives when another fails", async () => {
    const refused = Promise.reject(new Error("no AAAA"));
    const options = optionsWith(async ({ name }) => name, { preferredFamily: "inet6" });
    expect(await race(() => [refused, Promise.resolve([four])], options)).toBe("four");
  });

  it("fails as the first look-up did when none gives an address", async () => {
    const lookUp = (): Promise<Address[]>[] => [
      Promise.reject(new Error("first")),
      Promise.reject(new Error("second")),
    ];
    await expect(race(lookUp, optionsWith(silenceOf))).rejects.toThrow("first");
    await expect(race(() => [Promise.resolve([])], optionsWith(silenceOf))).rejects.toThrow("no address");
  });

  it("is called off by its signal, with the signal's reason", async () => {
    const controller = new AbortController();
    const abandoned: string[] = [];
    const attempt = (address: Address, signal: AbortSignal): Promise<string> => {
      signal.addEventListener("abort", () => abandoned.push(address.name));
      if (address === four) controller.abort(new Error("enough"));
      return silence(signal);
    };
    const options = optionsWith(attempt, { signal: controller.signal });
    await expect(race(() => [Promise.resolve([six, four])], options)).rejects.toThrow("enough");
    expect(abandoned).toEqual(["six", "four"]);
    await expect(race(() => [], options)).rejects.toThrow("enough");
  });

  it("is called off at its deadline, before and after an address was there", async () => {
    const soon = (): Partial<RaceOptions<Address, string>> => ({ deadlineMs: performance.now() + 30 });
    const pending = race(() => [new Promise<Address[]>(() => {})], optionsWith(silenceOf, soon()));
    await expect(pending).rejects.toThrow(/^late after $/);
    const silent = race(() => [Promise.resolve([four])], optionsWith(silenceOf, soon()));
    await expect(silent).rejects.toThrow("late after four");
  });

  it("refuses a delay below RFC 8305's minimum before anything is looked up", async () => {
    let looked = false;
    const lookUp = (): Promise<Address[]>[] => {
      looked = true;
      return [];
    };
    await expect(race(lookUp, optionsWith(silenceOf, { attemptDelayMs: 1 }))).rejects.toThrow(RangeError);
    expect(looked).toBe(false);
  });
});

function silenceOf(_address: Address, signal: AbortSignal): Promise<string> {
  return silence(signal);
}
