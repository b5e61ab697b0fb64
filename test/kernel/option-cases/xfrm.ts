/** IPsec policies of one socket, by the layout of linux/xfrm.h. */

/** Offsets in struct xfrm_userpolicy_info. */
const FAMILY = 40;
const LIMITS = 56;
const LIMIT_COUNT = 4;
const DIRECTION = 160;
const ACTION = 161;
const SIZE = 168;
const XFRM_POLICY_OUT = 1;
const XFRM_POLICY_BLOCK = 1;

/** A policy that lets nothing out. */
export function blockPolicy(family: number): Buffer {
  const policy = Buffer.alloc(SIZE);
  policy.writeUInt16LE(family, FAMILY);
  // Soft and hard limits of bytes and of packets: none.
  for (let i = 0; i < LIMIT_COUNT; i++) policy.writeBigUInt64LE(2n ** 64n - 1n, LIMITS + 8 * i);
  policy[DIRECTION] = XFRM_POLICY_OUT;
  policy[ACTION] = XFRM_POLICY_BLOCK;
  return policy;
}
