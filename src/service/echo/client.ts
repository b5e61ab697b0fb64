/** The client of echo (RFC 862): what is sent comes back as it was. */
import type { ServiceClient } from "../client.ts";
import { callMirror, mirrorOptions } from "../mirror-client.ts";

export const echoClient: ServiceClient = {
  options: mirrorOptions,
  call: (call) => callMirror({ name: "echo", answer: (bytes) => bytes }, call),
};
