import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { abiFor } from "./arch.ts";
import { flagNames, nameOf } from "./constants.ts";
import * as generated from "./generated/constants.ts";
import * as layouts from "./generated/layouts.ts";

const { AF, EPOLL, IFF, IORING_OP, MSG, O_NONBLOCK, SIG, SOCK, SO, TCP_STATE } = generated;

describe("reverse look-up", () => {
  it("names values, the better known name first", () => {
    expect(nameOf(AF, 2)).toBe("AF_INET");
    expect(nameOf(AF, 1)).toBe("AF_UNIX");
    expect(nameOf(AF, 16)).toBe("AF_NETLINK");
    expect(nameOf(SOCK, 1)).toBe("SOCK_STREAM");
    expect(nameOf(SO, 15)).toBe("SO_REUSEPORT");
    expect(nameOf(SIG, 17)).toBe("SIGCHLD");
    expect(nameOf(TCP_STATE, 10)).toBe("TCP_LISTEN");
  });

  it("prints values without a name as numbers", () => {
    expect(nameOf(AF, 999)).toBe("999");
    expect(nameOf(AF, -1)).toBe("-1");
  });

  it("takes flags apart, lowest bit first", () => {
    expect(flagNames(MSG, 0x42)).toEqual(["MSG_PEEK", "MSG_DONTWAIT"]);
    expect(flagNames(EPOLL, 0x80000001)).toEqual(["EPOLLIN", "EPOLLET"]);
    expect(flagNames(EPOLL, 0x80000001 | 0)).toEqual(["EPOLLIN", "EPOLLET"]);
    expect(flagNames(IFF, 0x11043)).toEqual([
      "IFF_UP",
      "IFF_BROADCAST",
      "IFF_RUNNING",
      "IFF_MULTICAST",
      "IFF_LOWER_UP",
    ]);
  });

  it("keeps bits without a name as a number", () => {
    expect(flagNames({ A: 1 }, 0x31)).toEqual(["A", "0x30"]);
    expect(flagNames(MSG, 0)).toEqual([]);
    expect(flagNames({ NONE: 0, A: 1 }, 0)).toEqual(["NONE"]);
  });

  it("names a compound flag rather than its parts", () => {
    const { O } = abiFor("x64");
    expect(flagNames(O, O.O_SYNC | O.O_NONBLOCK)).toEqual(["O_NONBLOCK", "O_SYNC"]);
    expect(flagNames(O, O.O_DSYNC)).toEqual(["O_DSYNC"]);
  });
});

describe("the generated tables", () => {
  it("agree with Node about signals", () => {
    const table: Readonly<Record<string, number>> = SIG;
    for (const [name, number] of Object.entries(constants.signals)) {
      // Node still lists a signal that Linux gave up.
      if (name !== "SIGUNUSED") expect([name, table[name]]).toEqual([name, number]);
    }
  });

  it("say the same flat and grouped", () => {
    const all: Readonly<Record<string, unknown>> = generated;
    const groups = Object.values(generated).filter((value) => typeof value === "object");
    expect(groups.length).toBeGreaterThan(100);
    for (const group of groups) {
      for (const [name, value] of Object.entries(group)) expect([name, all[name]]).toEqual([name, value]);
    }
  });

  it("number the io_uring operations without a gap", () => {
    const values = Object.values(IORING_OP).sort((a, b) => a - b);
    expect(values).toEqual(values.map((_, index) => index));
  });

  it("keep every field inside its structure", () => {
    const all: Readonly<Record<string, Readonly<Record<string, number>>>> = layouts;
    for (const [name, layout] of Object.entries(all)) {
      if (name.endsWith("_SIZES")) continue;
      const sizes = all[`${name}_SIZES`]!;
      for (const [field, size] of Object.entries(sizes))
        expect(layout[field]! + size).toBeLessThanOrEqual(layout.size!);
    }
  });

  it("know where the architectures part", () => {
    expect(abiFor("x64").EPOLL_EVENT).toMatchObject({ size: 12, data: 4 });
    expect(abiFor("arm64").EPOLL_EVENT).toMatchObject({ size: 16, data: 8 });
    expect(abiFor("x64").SYS.SYS_socket).toBe(41);
    expect(abiFor("arm64").SYS.SYS_socket).toBe(198);
    expect(abiFor("x64").SYS.SYS_io_uring_setup).toBe(abiFor("arm64").SYS.SYS_io_uring_setup);
    expect(abiFor("x64").O.O_DIRECT).not.toBe(abiFor("arm64").O.O_DIRECT);
    expect(abiFor("arm64").O.O_NONBLOCK).toBe(O_NONBLOCK);
    expect(abiFor("arm64").arch).toBe("arm64");
  });
});
