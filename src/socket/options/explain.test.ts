import { describe, expect, it } from "vitest";
import { EINVAL, ENOENT, ENOPROTOOPT, EPERM, NETLINK_AUDIT, NETLINK_ROUTE } from "../../abi/index.ts";
import type { AnyOption } from "../options.ts";
import { explainOptionFailure } from "./explain.ts";

const option = { name: "TCP_AO_INFO", since: "6.7", capability: "CAP_NET_ADMIN", when: "after-connect" } as AnyOption;

describe("explainOptionFailure", () => {
  it("says which kernel brought the option, to an older one", () => {
    for (const kernel of ["6.1.0-18-amd64", "5.15.0", "4.19", "6.6.99"]) {
      const { cause } = explainOptionFailure(option, "getsockopt", -ENOPROTOOPT, { kernel });
      expect(cause).toBe(`it came with Linux 6.7, and this kernel is ${kernel}`);
    }
  });

  it("supposes a kernel built without it, or another kind of socket, of one that is new enough", () => {
    for (const kernel of ["6.7.0", "6.7", "6.18.44-x", "10.0.0"]) {
      const { cause } = explainOptionFailure(option, "getsockopt", ENOPROTOOPT, { kernel });
      expect(cause).toBe(`this kind of socket has no such option, or this kernel (${kernel}) was built without it`);
    }
  });

  it("names the capability, but only where something is set", () => {
    expect(explainOptionFailure(option, "setsockopt", -EPERM).cause).toBe("this value needs CAP_NET_ADMIN");
    expect(explainOptionFailure(option, "getsockopt", -EPERM).cause).toBeUndefined();
    expect(explainOptionFailure({ ...option, capability: undefined }, "setsockopt", -EPERM).cause).toBeUndefined();
  });

  it("names the capability of a netlink group by the protocol that has it", () => {
    const joining = { ...option, name: "NETLINK_ADD_MEMBERSHIP" } as AnyOption;
    const causes = [NETLINK_ROUTE, NETLINK_AUDIT].map(
      (protocol) => explainOptionFailure(joining, "setsockopt", EPERM, { protocol }).cause,
    );
    expect(causes).toEqual(["this value needs CAP_NET_ADMIN", "this value needs CAP_AUDIT_READ"]);
  });

  it("hints at the moment, where the error may come of another", () => {
    expect(explainOptionFailure(option, "setsockopt", EINVAL).hint).toBe("the socket has to be connected");
    expect(explainOptionFailure({ ...option, when: "any" }, "setsockopt", EINVAL).hint).toBeUndefined();
    expect(explainOptionFailure(option, "setsockopt", ENOENT).hint).toBeUndefined();
  });
});
