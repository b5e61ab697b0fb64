/** What a disposed reactor over io_uring leaves in the kernel: nothing. */
import { IO_URING_PARAMS, IORING_REGISTER_RING_FDS } from "portolan/abi";
import { backendRefusal, createReactor } from "portolan/reactor";
import { close, io_uring_register, io_uring_setup } from "portolan/sys";
import { expect, it } from "vitest";

/** A thread may enter so many rings by a registered number (IO_RINGFD_REG_MAX of the kernel's io_uring/register.h). */
const MOST_REGISTERED = 16;

it("a ring is given back with its reactor, and so is its place among the thread's", ({ skip }) => {
  const refusal = backendRefusal("uring");
  if (refusal !== undefined) skip(refusal);
  for (let i = 0; i < 2 * MOST_REGISTERED; i++) createReactor("uring").dispose();
  // A registration holds its ring as a descriptor does. So there is room for as many as a thread may have.
  const rings = Array.from({ length: MOST_REGISTERED }, () =>
    io_uring_setup(1, new Uint32Array(IO_URING_PARAMS.size / 4)),
  );
  const registered = rings.map((ring) =>
    io_uring_register(ring, IORING_REGISTER_RING_FDS, new Uint32Array([0xffffffff, 0, ring, 0]), 1),
  );
  for (const ring of rings) close(ring);
  expect(registered).toEqual(rings.map(() => 1));
});
