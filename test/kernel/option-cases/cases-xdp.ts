/** Level SOL_XDP. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import { AF_XDP } from "portolan/abi";
import { mapRegion, type Region, unmapRegion } from "portolan/sys";
import { type CaseTable, codeOf, effect, get, needing, set } from "./kit.ts";

const CHUNK_BYTES = 4096;
const CHUNKS = 8;

/** A socket whose memory is registered; gone before the memory is. */
function withMemory(run: (socket: Socket, name: string, region: Region) => void): ReturnType<typeof effect> {
  return effect((name) => {
    const region = mapRegion(CHUNKS * CHUNK_BYTES);
    try {
      using socket = needing("no AF_XDP", ["EAFNOSUPPORT"], () => new Socket(AF_XDP, "raw"));
      const memory = { address: region.address, sizeBytes: region.sizeBytes, chunkBytes: CHUNK_BYTES };
      set(socket, "XDP_UMEM_REG", memory);
      run(socket, name, region);
    } finally {
      unmapRegion(region);
    }
  });
}

/** A ring is made once, of a power of two. */
function ring(): ReturnType<typeof effect> {
  return withMemory((socket, name) => {
    assert.equal(
      codeOf(() => set(socket, name, 7)),
      "EINVAL",
    );
    set(socket, name, CHUNKS);
    assert.equal(
      codeOf(() => set(socket, name, CHUNKS)),
      "EINVAL",
    );
  });
}

export const cases: CaseTable = {
  XDP_MMAP_OFFSETS: withMemory((socket, name) => {
    const offsets = get(socket, name) as Record<string, { producer: number; consumer: number; descriptors: number }>;
    for (const ring of ["receive", "transmit", "fill", "completion"]) {
      const { producer, consumer, descriptors } = offsets[ring] ?? { producer: 0, consumer: 0, descriptors: 0 };
      assert.equal(producer, 0);
      assert.ok(consumer > producer && descriptors > consumer, `${ring}: ${consumer}, ${descriptors}`);
    }
  }),
  // Without an interface there is no zero-copy.
  XDP_OPTIONS: withMemory((socket, name) => assert.equal(get(socket, name), 0)),
  XDP_RX_RING: ring(),
  XDP_STATISTICS: withMemory((socket, name) => {
    set(socket, "XDP_RX_RING", CHUNKS);
    const statistics = get(socket, name) as Record<string, bigint>;
    assert.deepEqual(Object.values(statistics), [0n, 0n, 0n, 0n, 0n, 0n]);
  }),
  XDP_TX_RING: ring(),
  XDP_UMEM_COMPLETION_RING: ring(),
  XDP_UMEM_FILL_RING: ring(),
  XDP_UMEM_REG: withMemory((socket, name, { address, sizeBytes }) => {
    // There is one already.
    assert.equal(
      codeOf(() => set(socket, name, { address, sizeBytes, chunkBytes: CHUNK_BYTES })),
      "EBUSY",
    );
    using other = new Socket(AF_XDP, "raw");
    assert.equal(
      codeOf(() => set(other, name, { address, sizeBytes, chunkBytes: 100 })),
      "EINVAL",
    );
  }),
};
