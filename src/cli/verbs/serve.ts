/** `portolan serve`: one service, under a chosen design. */
import type { ServerDesign } from "../../server/index.ts";
import { defaultPort, findService, type ServiceEntry, wholeNumber } from "../../service/index.ts";
import { parseEndpoint } from "../../socket/index.ts";
import { checkingUsage } from "../failure.ts";
import { addLimitOptions, type LimitOptions, limitsFrom } from "../limit-flags.ts";
import { addMetricsOption } from "../metrics-option.ts";
import {
  addDesignOption,
  addExamples,
  addGraceOption,
  addJsonOption,
  checkSpoken,
  listParser,
  parser,
  readService,
  serviceNames,
} from "../options.ts";
import { runServers } from "../run-servers.ts";
import { packagedFile } from "../self-command.ts";
import { addServiceOptions, type ServiceFlags, serviceOptions } from "../service-flags.ts";
import { HangUps } from "../succession/hang-ups.ts";
import { Inheritance } from "../succession/inheritance.ts";
import type { Verb } from "../verbs.ts";
import { oneOf } from "../words.ts";

/** More than any design takes; each says its own bound. */
const MAX_WORKERS = 1024;

interface ServeOptions extends ServiceFlags, LimitOptions {
  readonly listen?: readonly string[];
  readonly design?: ServerDesign;
  readonly inNode?: true;
  readonly workers?: number;
  readonly grace: number;
  readonly metrics?: string;
  readonly json?: true;
}

export const verb: Verb = {
  define(command, { context, self, rest }) {
    const wanted = rest.map(findService).find((entry) => entry !== undefined);
    command
      .argument("<name>", "a service; portolan services lists them", parser(oneOf(serviceNames, readService)))
      .option(
        "--listen <endpoint>",
        "where, such as tcp://127.0.0.1:7007, udp://[::1]:0 or unix:///run/x.sock; may be repeated",
        listParser(readEndpoint),
      )
      .option("--in-node", "inside Node's own loop, not on a thread of its own")
      .option(
        "--workers <number>",
        "how many threads or processes serve, for designs that can use several",
        parser(wholeNumber("--workers", 1, MAX_WORKERS)),
      );
    addDesignOption(command);
    addServiceOptions(command, wanted);
    addGraceOption(command);
    addMetricsOption(command);
    addJsonOption(command);
    addLimitOptions(command);
    addExamples(command, self, [
      ["portolan serve echo", "at its usual ports, on this machine only"],
      ["portolan serve echo --design iterative --listen tcp://127.0.0.1:0", "one client at a time, on any free port"],
      [
        "portolan serve echo --max-connections 10 --idle-timeout 30s",
        `with limits; ${packagedFile("docs/guide/limits.md")} has them all`,
      ],
      ["portolan serve echo --listen unix://@echo", "on an abstract unix socket"],
      ["portolan serve echo --design epoll --workers 2", "two loops, each in a thread with a listener of its own"],
      ["portolan serve echo --metrics 9464", "with metrics for Prometheus at http://127.0.0.1:9464/metrics"],
      ["portolan serve daytime --form smtp --zone utc", "with options of the service: serve daytime --help lists them"],
    ]);
    command.action(async (entry: ServiceEntry, options: ServeOptions) => {
      const own = serviceOptions(entry, options);
      const endpoints = options.listen ?? defaultEndpoints(entry);
      for (const endpoint of endpoints) checkSpoken(entry, endpoint);
      const plans = endpoints.map((listen) => ({ entry, listen, options: own }));
      context.stopSignals();
      const hangUps = new HangUps(context);
      await runServers(plans, context, self, {
        json: options.json === true,
        counters: false,
        design: options.design,
        placement: options.inNode === true ? "node" : "thread",
        workers: options.workers,
        limits: limitsFrom(options),
        graceMs: options.grace,
        metrics: options.metrics,
        hangUps,
        inheritance: await Inheritance.receive(),
        skipTaken: false,
        takenCure: "end that, or choose another with --listen; port 0 is any that is free",
      });
    });
  },
};

function readEndpoint(text: string): string {
  checkingUsage(() => parseEndpoint(text));
  return text;
}

/** Unix sockets have no place by custom, so they are served where they are asked for. */
function defaultEndpoints(entry: ServiceEntry): string[] {
  return entry.transports
    .filter((transport) => transport !== "unix")
    .map((transport) => `${transport}://127.0.0.1:${defaultPort(entry)}`);
}
