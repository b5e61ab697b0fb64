/** The services: what each is, how to serve it, how to call it, what to type to try it. */
export type { ClientCall, ClientEvent, ClientOption, ClientOptions, ClientOutput, ServiceClient } from "./client.ts";
export { echo } from "./echo/index.ts";
export { defaultPort, defaultUnixName, type ServiceEntry, TRANSPORTS, type Transport, type Trial } from "./entry.ts";
export { EXIT, type ExitStatus } from "./exit-status.ts";
export { seconds, wholeNumber } from "./option-values.ts";
export { findService, services } from "./registry.ts";
export { type TrialCommand, trialCommands } from "./trial.ts";
