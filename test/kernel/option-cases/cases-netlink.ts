/** Level SOL_NETLINK. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import { NETLINK_PKTINFO, NETLINK_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_LINK, SOL_NETLINK } from "portolan/abi";
import { type CaseTable, effect, get, onAndOff, set } from "./kit.ts";

const route = (): Socket => new Socket("netlink", "raw", NETLINK_ROUTE);

function memberships(): ReturnType<typeof effect> {
  return effect(() => {
    using socket = route();
    assert.deepEqual(get(socket, "NETLINK_LIST_MEMBERSHIPS"), []);
    set(socket, "NETLINK_ADD_MEMBERSHIP", RTNLGRP_LINK);
    set(socket, "NETLINK_ADD_MEMBERSHIP", RTNLGRP_IPV4_IFADDR);
    assert.deepEqual(get(socket, "NETLINK_LIST_MEMBERSHIPS"), [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR]);
    set(socket, "NETLINK_DROP_MEMBERSHIP", RTNLGRP_LINK);
    assert.deepEqual(get(socket, "NETLINK_LIST_MEMBERSHIPS"), [RTNLGRP_IPV4_IFADDR]);
  });
}

export const cases: CaseTable = {
  NETLINK_ADD_MEMBERSHIP: memberships(),
  NETLINK_BROADCAST_ERROR: onAndOff(route),
  NETLINK_CAP_ACK: onAndOff(route),
  NETLINK_DROP_MEMBERSHIP: memberships(),
  NETLINK_EXT_ACK: onAndOff(route),
  NETLINK_GET_STRICT_CHK: onAndOff(route),
  NETLINK_LISTEN_ALL_NSID: onAndOff(route),
  NETLINK_LIST_MEMBERSHIPS: memberships(),
  NETLINK_NO_ENOBUFS: onAndOff(route),
  NETLINK_PKTINFO: effect((name) => {
    using socket = route();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    assert.equal(socket.getRawOption(SOL_NETLINK, NETLINK_PKTINFO, 4)[0], 1);
    set(socket, name, false);
    assert.equal(get(socket, name), false);
  }),
};
