/** `portolan sockets --matrix`: the kinds of sockets that this kernel has. */
import { Socket } from "portolan";
import { describe, expect, it } from "vitest";
import { portolan } from "./portolan.ts";

const USAGE = 64;

interface Line {
  readonly family: string;
  readonly type?: string;
  readonly protocol?: string;
  readonly numbers: { readonly family: number; readonly type?: number; readonly protocol?: number };
  readonly status: "yes" | "denied" | "no";
  readonly code?: string;
  readonly cause?: string;
}

describe("portolan sockets --matrix", () => {
  it("lists what can be made, and says why not of the rest", async () => {
    const { status, stdout, stderr } = await portolan(["sockets", "--matrix"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^FAMILY +TYPE +PROTOCOL +KNOWN AS +HERE +WHY NOT/);
    expect(stdout).toMatch(/^AF_INET +SOCK_STREAM +IPPROTO_TCP \(6\) +TCP +yes$/m);
    expect(stdout).toMatch(
      /^AF_INET +SOCK_SEQPACKET +IPPROTO_SCTP \(132\) +SCTP +(yes|no +E\w+: this kernel has no SCTP)$/m,
    );
    expect(stdout).toMatch(
      /^AF_PACKET +SOCK_RAW +0 +link-layer frames +(yes +CAP_NET_RAW|denied +EPERM: .*CAP_NET_RAW)$/m,
    );
    expect(stdout).toMatch(/^ {2}AF_NETLINK: SOCK_DGRAM is SOCK_RAW$/m);
  });

  it("says the same to machines, and what it says is so", async () => {
    const { status, stdout } = await portolan(["sockets", "--matrix", "--json"]);
    expect(status).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    for (const { numbers, type, status: here, code, cause } of lines) {
      expect(here === "yes").toBe(code === undefined && cause === undefined);
      const make = (): Socket => new Socket(numbers.family, numbers.type ?? 1, numbers.protocol);
      if (here === "yes") make().close();
      else if (type !== undefined) expect(make).toThrow(expect.objectContaining({ code }));
    }
    const only = await portolan(["sockets", "--matrix", "--json", "--available"]);
    expect(only.stdout).toBe(
      stdout
        .split("\n")
        .filter((line) => line === "" || line.includes('"status":"yes"'))
        .join("\n"),
    );
  });

  it("is what there is to ask for", async () => {
    expect(await portolan(["sockets"])).toMatchObject({
      status: USAGE,
      stderr: "portolan sockets: what of the sockets? --matrix shows what kinds this kernel has\n",
    });
  });
});
