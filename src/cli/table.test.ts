import { describe, expect, it } from "vitest";
import { formatBytes, formatTable, plural, shorten } from "./table.ts";

describe("formatTable", () => {
  it("aligns columns and leaves no blanks at the ends of lines", () => {
    const columns = [{ title: "NAME" }, { title: "COUNT", align: "right" as const }, { title: "NOTE" }];
    const rows = [
      ["a", "1", ""],
      ["longer", "12345678", "x"],
    ];
    expect(formatTable(columns, rows)).toEqual(["NAME       COUNT  NOTE", "a              1", "longer  12345678  x"]);
  });

  it("leaves room where asked to", () => {
    expect(formatTable([{ title: "A", align: "right", minWidth: 4 }, { title: "B" }], [["1", "2"]])).toEqual([
      "   A  B",
      "   1  2",
    ]);
  });

  it("is its titles where there are no rows", () => {
    expect(formatTable([{ title: "A" }, { title: "B" }], [])).toEqual(["A  B"]);
  });
});

describe("shorten", () => {
  it("leaves what fits", () => {
    expect(shorten("12345", 5)).toBe("12345");
  });

  it("cuts the middle to the very width", () => {
    expect(shorten("unix:///run/user/1000/portolan/echo.sock", 20)).toBe("unix:///ru…echo.sock");
    expect(shorten("abcdef", 1)).toBe("…");
  });
});

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1229, "1.2 KiB"],
    [102_400, "100 KiB"],
    [1_048_575, "1.0 MiB"],
    [5 * 1024 ** 5, "5.0 PiB"],
    [5000 * 1024 ** 5, "5000 PiB"],
  ])("prints %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("plural", () => {
  it("is plural but for one", () => {
    expect([0, 1, 2].map((count) => plural(count, "error"))).toEqual(["0 errors", "1 error", "2 errors"]);
  });
});
