import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { parseListenFigures, parseMostDescriptors, parseVirtualBytes, readSystem } from "./system.ts";

it("finds the memory behind a name that has spaces and parentheses", () => {
  const rest = ["S", ...Array.from({ length: 19 }, (_, at) => String(at)), "4096000", "77"];
  expect(parseVirtualBytes(`42 (a ) b) ${rest.join(" ")}\n`)).toBe(4_096_000);
  expect(parseVirtualBytes("")).toBeUndefined();
});

it("reads the soft limit of open files", () => {
  expect(parseMostDescriptors("Limit  Soft  Hard\nMax open files            1024  4096  files\n")).toBe(1024);
  expect(parseMostDescriptors("Max open files   unlimited  unlimited  files\n")).toBe(Number.POSITIVE_INFINITY);
  expect(parseMostDescriptors("")).toBeUndefined();
});

it("finds the listeners' figures by their names, wherever they stand", () => {
  const text = "TcpExt: A ListenDrops B ListenOverflows\nTcpExt: 1 7 2 5\nIpExt: ListenDrops\nIpExt: 9\n";
  expect(parseListenFigures(text)).toEqual({ overflows: 5, drops: 7 });
  expect(parseListenFigures("TcpExt: A\nTcpExt: 1\n")).toBeUndefined();
  expect(parseListenFigures("")).toBeUndefined();
});

it("agrees with what proc says of this process", () => {
  const figures = readSystem();
  // Whoever reads the folder has it open.
  expect(figures.openDescriptors).toBe(readdirSync("/proc/self/fd").length - 1);
  expect(figures.mostDescriptors).toBeGreaterThan(0);
  expect(figures.residentBytes).toBeGreaterThan(1e6);
  expect(figures.virtualBytes).toBeGreaterThan(figures.residentBytes ?? Number.NaN);
  expect(figures.cpuSeconds).toBeGreaterThan(0);
  expect(Math.abs(figures.startTimeSeconds + process.uptime() - Date.now() / 1000)).toBeLessThan(60);
  expect(figures.listen).toMatchObject({ overflows: expect.any(Number), drops: expect.any(Number) });
});
