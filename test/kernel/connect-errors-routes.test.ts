/** Errors that routes, links and missing capabilities make, in a network namespace of the test's own. */
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { type Ends, type ErrorLike, Produced } from "../support/error-shape.ts";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";
import { needsProgram } from "../support/programs.ts";

afterAll(closeThreadReactor);

type Told = ErrorLike & { readonly what: string; readonly origin?: string; readonly destination?: unknown };

const EXPECTED: [what: string, syscall: string, code: string, ends: Ends, cause: string, subject?: string][] = [
  ["connect: unreachable", "connect", "EHOSTUNREACH", "remote", "no route to the host"],
  ["sendTo: unreachable", "sendto", "EHOSTUNREACH", "both", "no route to the host"],
  ["connect: blackhole", "connect", "EINVAL", "remote", "a blackhole route leads there"],
  ["sendTo: blackhole", "sendto", "EINVAL", "both", "the kernel does not take this address"],
  ["connect: prohibit", "connect", "EACCES", "remote", "a prohibit route"],
  ["sendTo: prohibit", "sendto", "EACCES", "both", "a rule forbids it"],
  ["connect: no route", "connect", "ENETUNREACH", "remote", "no route leads to that network"],
  ["sendTo: no route", "sendto", "ENETUNREACH", "both", "no route leads to that network"],
  ["connect: no neighbour", "connect", "EHOSTUNREACH", "both", "the host does not answer on its link"],
  [
    "connect: silence, and the caller's limit",
    "connect",
    "ETIMEDOUT",
    "both",
    "the caller's limit of 50 ms has passed",
  ],
  ["connect: silence, and TCP_SYNCNT", "connect", "ETIMEDOUT", "both", "no answer: the host is down"],
  ["connect: silence, and TCP_USER_TIMEOUT", "connect", "ETIMEDOUT", "both", "no answer: the host is down"],
  [
    "bind: a port below 1024",
    "bind",
    "EACCES",
    "remote",
    "for everybody is 1024; one below needs CAP_NET_BIND_SERVICE",
  ],
  [
    "bind: a directory that may not be written to",
    "bind",
    "EACCES",
    "remote",
    "/unwritable may not be written to by this user",
  ],
  [
    "bind: a directory that may not be searched",
    "bind",
    "EACCES",
    "remote",
    "/closed may not be searched by this user",
  ],
  ["bind: netlink groups", "bind", "EPERM", "remote", "these groups need CAP_NET_ADMIN"],
  ["setOption", "setsockopt", "EPERM", "none", "needs CAP_NET_ADMIN", " SO_MARK"],
  ["setRawOption", "setsockopt", "EPERM", "none", "this value needs CAP_NET_ADMIN", " SO_MARK"],
  ["netlink: group", "setsockopt", "EPERM", "none", "this value needs CAP_NET_ADMIN", " NETLINK_ADD_MEMBERSHIP"],
  ["credentials: pid", "sendmsg", "EPERM", "none", "the pid of another process needs CAP_SYS_ADMIN"],
  [
    "credentials: uid and gid",
    "sendmsg",
    "EPERM",
    "none",
    "the uid of another user needs CAP_SETUID; the gid of another group needs CAP_SETGID",
  ],
  ["credentials: gid, synchronously", "sendmsg", "EPERM", "none", ": the gid of another group needs CAP_SETGID"],
  ["socket: raw", "socket", "EPERM", "none", "CAP_NET_RAW", " AF_[^:]*"],
  ["socket: packet", "socket", "EPERM", "none", "CAP_NET_RAW", " AF_[^:]*"],
];

describe("in a network of its own", () => {
  it("every failure has its name, its ends and its cause", async (context) => {
    const refusal = namespaceRefusal();
    if (refusal !== undefined) context.skip(refusal);
    needsProgram(context, "ip", ["-Version"]);
    const told = (await runInNamespace(new URL("../fixtures/connect-errors.mjs", import.meta.url))) as Told[];
    const produced = new Produced();
    for (const [what, syscall, code, ends, cause, subject] of EXPECTED) {
      const error = told.find((each) => each.what === what);
      expect(error?.message, what).toBeDefined();
      produced.take(error as Told, syscall, code, ends, subject);
      expect((error as Told).message).toContain(cause);
    }
    expect(told.find(({ what }) => what === "recvError: no neighbour")).toMatchObject({
      code: "EHOSTUNREACH",
      origin: "icmp",
      destination: { address: "10.7.0.9", port: 80 },
    });
    expect(told).toHaveLength(EXPECTED.length + 1);
  });
});
