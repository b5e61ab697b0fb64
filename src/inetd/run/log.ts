/** Log records as xinetd's: what they say (xinetd.log(5)), and where they go. */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "../../socket/index.ts";
import type { LogField, LogTarget, ServiceLog } from "../model.ts";

/** One thing that happened. */
export interface LogRecord {
  /**
   * START, EXIT, FAIL and TRAFFIC (of a redirection, before its EXIT) are xinetd's. REST: the service takes nobody for a while. NOTE: anything else that its owner should
   * know.
   */
  readonly entry: "EXIT" | "FAIL" | "NOTE" | "REST" | "START" | "TRAFFIC";
  /** The service's id. */
  readonly id: string;
  readonly from?: string | undefined;
  readonly pid?: number | undefined;
  /** Of a program that has exited. */
  readonly status?: number | undefined;
  /** That ended a program. */
  readonly signal?: number | undefined;
  readonly durationSeconds?: number | undefined;
  /** Bytes that a redirection carried: from the peer, and to it. */
  readonly traffic?: { readonly inBytes: number; readonly outBytes: number } | undefined;
  /** Of FAIL: a word, which is xinetd's but for `cps` and `cpm`. Of REST and NOTE: a sentence. */
  readonly reason?: string | undefined;
}

/** The record as xinetd writes it, with the fields that the service wants. */
export function formatRecord(record: LogRecord, fields: readonly LogField[]): string {
  const { entry, id, from, pid, status, signal, durationSeconds, traffic, reason } = record;
  const parts = [`${entry}: ${id}`];
  if (reason !== undefined) parts.push(entry === "FAIL" ? wordOf(reason) : reason);
  if (entry === "EXIT" && fields.includes("EXIT")) {
    if (status !== undefined) parts.push(`status=${status}`);
    if (signal !== undefined) parts.push(`signal=${signal}`);
  }
  if (pid !== undefined && fields.includes("PID")) parts.push(`pid=${pid}`);
  if (from !== undefined && (entry === "FAIL" || entry === "START") && fields.includes("HOST"))
    parts.push(`from=${from}`);
  if (durationSeconds !== undefined && fields.includes("DURATION")) {
    parts.push(`duration=${Math.round(durationSeconds)}(sec)`);
  }
  if (traffic !== undefined) {
    parts.push(`in=${traffic.inBytes}(bytes) out=${traffic.outBytes}(bytes)`);
  }
  return parts.join(" ");
}

/** Why somebody was turned away, as xinetd writes it. */
function wordOf(reason: string): string {
  if (reason === "cps") return "connections per second";
  return reason === "cpm" ? "connections per minute" : reason;
}

/** The record's line for a service; undefined where the service does not want it. */
export function lineFor(record: LogRecord, { onSuccess, onFailure }: ServiceLog): string | undefined {
  switch (record.entry) {
    case "START":
      return onSuccess.length === 0 ? undefined : formatRecord(record, onSuccess);
    case "EXIT":
      return onSuccess.includes("EXIT") || onSuccess.includes("DURATION") ? formatRecord(record, onSuccess) : undefined;
    case "TRAFFIC":
      return onSuccess.includes("TRAFFIC") ? formatRecord(record, onSuccess) : undefined;
    case "FAIL":
      return onFailure.length === 0 ? undefined : formatRecord(record, onFailure);
    default:
      return formatRecord(record, onFailure);
  }
}

/** A place where lines go. */
export interface LogSink {
  write(line: string): void;
  close(): void;
}

/**
 * Opens a place for lines.
 * @param systemLog where the system's log takes messages.
 * @param complain told, in a sentence, when lines can no longer go there; they are lost then, and the services go on.
 * @throws Error of Node's where a file cannot be opened.
 */
export function openSink(
  target: LogTarget,
  complain: (message: string) => void,
  systemLog: string = SYSLOG_ENDPOINT,
): LogSink {
  switch (target.kind) {
    case "none":
      return { write: () => {}, close: () => {} };
    case "stderr":
      return { write: (line) => void process.stderr.write(`${stamp(new Date())}: ${line}\n`), close: () => {} };
    case "file":
      return new FileSink(target, complain);
    default:
      return new SyslogSink(target.facility, target.level, complain, systemLog);
  }
}

/** `26/11/5@09:07:02`, as xinetd stamps its files. */
export function stamp(now: Date): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  const date = `${two(now.getFullYear() % 100)}/${now.getMonth() + 1}/${now.getDate()}`;
  return `${date}@${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
}

const LOG_MODE = 0o640;
const SYSLOG_ENDPOINT = "unix+dgram:///dev/log";

class FileSink implements LogSink {
  readonly #target: LogTarget & { readonly kind: "file" };
  readonly #complain: (message: string) => void;
  #fd: number;
  #sizeBytes: number;
  #isSoftTold = false;

  constructor(target: LogTarget & { readonly kind: "file" }, complain: (message: string) => void) {
    this.#target = target;
    this.#complain = complain;
    this.#fd = openSync(target.path, "a", LOG_MODE);
    this.#sizeBytes = fstatSync(this.#fd).size;
  }

  write(line: string): void {
    if (this.#fd < 0) return;
    const { path, softBytes = Number.POSITIVE_INFINITY, hardBytes = Number.POSITIVE_INFINITY } = this.#target;
    const bytes = Buffer.from(`${stamp(new Date())}: ${line}\n`);
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes > hardBytes) {
      this.close();
      this.#complain(`${path} has reached its limit of ${hardBytes} bytes: no more is written to it`);
      return;
    }
    if (this.#sizeBytes > softBytes && !this.#isSoftTold) {
      this.#isSoftTold = true;
      this.#complain(`${path} is longer than ${softBytes} bytes; it will be closed at its hard limit`);
    }
    try {
      writeSync(this.#fd, bytes);
    } catch (error) {
      this.close();
      this.#complain(`${path}: ${(error as Error).message}; no more is written to it`);
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** syslog.h */
const FACILITIES: Readonly<Record<string, number>> = {
  auth: 4,
  authpriv: 10,
  cron: 9,
  daemon: 3,
  ftp: 11,
  kern: 0,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
  lpr: 6,
  mail: 2,
  news: 7,
  syslog: 5,
  user: 1,
  uucp: 8,
};
/** syslog.h */
const LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
const DAEMON = 3;
const INFO = 6;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The start of a message for the system's log: priority, time, name and process. syslog(3), RFC 3164 section 4.1 */
function syslogLine(facility: string, level: string, line: string, now: Date): string {
  const severity = LEVELS.indexOf(level);
  const priority = (FACILITIES[facility] ?? DAEMON) * 8 + (severity < 0 ? INFO : severity);
  const time = now.toTimeString().slice(0, "hh:mm:ss".length);
  const date = `${MONTHS[now.getMonth()]} ${String(now.getDate()).padStart(2)} ${time}`;
  return `<${priority}>${date} portolan-inetd[${process.pid}]: ${line}`;
}

class SyslogSink implements LogSink {
  readonly #facility: string;
  readonly #level: string;
  readonly #complain: (message: string) => void;
  readonly #endpoint: string;
  readonly #socket = new Socket("unix", "dgram");
  #isTold = false;

  constructor(facility: string, level: string, complain: (message: string) => void, endpoint: string) {
    this.#endpoint = endpoint;
    this.#facility = facility;
    this.#level = level;
    this.#complain = complain;
  }

  /** Without waiting: a log that is slow or away must not stop the services. */
  write(line: string): void {
    const text = syslogLine(this.#facility, this.#level, line, new Date());
    try {
      this.#socket.sendToSync(text, this.#endpoint, { timeoutMs: 0 });
      this.#isTold = false;
    } catch (error) {
      if (!this.#isTold) this.#complain(`the system's log does not take records: ${(error as Error).message}`);
      this.#isTold = true;
    }
  }

  close(): void {
    this.#socket.close();
  }
}
