import { describe, expect, it } from "vitest";
import { nearest } from "./suggest.ts";

const names = ["chargen", "daytime", "discard", "echo", "epoll", "time"];

describe("nearest", () => {
  it.each([
    ["ehco", "echo"],
    ["ech", "echo"],
    ["ECHO", "echo"],
    ["epol", "epoll"],
    ["discrad", "discard"],
    ["day", "daytime"],
    ["chargne", "chargen"],
  ])("takes %s for %s", (typed, meant) => {
    expect(nearest(typed, names)).toBe(meant);
  });

  it.each(["xyzzy", "", "a name that is nothing like any", "e".repeat(1000)])("has no suggestion for %j", (typed) => {
    expect(nearest(typed, names)).toBeUndefined();
  });

  it("knows nothing where there are no names", () => {
    expect(nearest("echo", [])).toBeUndefined();
  });
});
