/** What every error of a call on a socket has to say, and the list of those that a test file has produced. */
import { causeOf, listCauses, SystemError } from "portolan";
import { errnoMessage, errnoNumber } from "portolan/abi";
import { expect } from "vitest";
import { failureOf } from "./socket-pairs.ts";

/** Which ends an error can name: `both`; the `remote` one (or the wanted one); `none` where there are none. */
export type Ends = "both" | "remote" | "none";

/** An error as it is, or as another process has told it. */
export type ErrorLike = Pick<
  SystemError,
  "code" | "errno" | "syscall" | "message" | "address" | "port" | "path" | "local"
>;

const ENDPOINT = String.raw`(?:\d+\.\d+\.\d+\.\d+:\d+|\[[0-9a-f:]+\]:\d+|[@/]\S*|\{.*\})`;
const ENDS: { readonly [Name in Ends]: string } = {
  both: ` ${ENDPOINT} from ${ENDPOINT}`,
  remote: ` ${ENDPOINT}`,
  none: "",
};

/** Checks call, C's name, endpoints, cause and fields. */
function checkShape(error: ErrorLike, syscall: string, code: string, ends: Ends, subject = ""): void {
  expect([error.syscall, error.code, error.errno]).toEqual([syscall, code, -(errnoNumber(code) as number)]);
  expect(error.message).toMatch(new RegExp(`^${syscall} ${code}${subject}${ENDS[ends]}: [^:].*$`));
  expect([error.address ?? error.path, error.local].filter((end) => end !== undefined)).toHaveLength(
    { both: 2, remote: 1, none: 0 }[ends],
  );
  const cause = error.message.slice(error.message.indexOf(": ") + 2);
  const bare = errnoMessage(errnoNumber(code) as number);
  expect(cause.toLowerCase(), "the cause says more than strerror").not.toBe(bare.toLowerCase());
  expect(
    listCauses().some((line) => line.code === code),
    `the table of causes has ${code}`,
  ).toBe(true);
  expect(causeOf(syscall, code).toLowerCase(), `${syscall} ${code} has a cause`).not.toBe(bare.toLowerCase());
}

/** Collects what calls failed with; each error is checked as it comes. */
export class Produced {
  /** `connect ECONNREFUSED` … */
  readonly seen: Set<string> = new Set();

  async by(call: () => unknown, syscall: string, code: string, ends: Ends, subject = ""): Promise<SystemError> {
    const error = await failureOf(call);
    expect(error, error.stack).toBeInstanceOf(SystemError);
    return this.take(error as SystemError, syscall, code, ends, subject);
  }

  take<Kind extends ErrorLike>(error: Kind, syscall: string, code: string, ends: Ends, subject = ""): Kind {
    checkShape(error, syscall, code, ends, subject);
    this.seen.add(`${syscall} ${code}`);
    return error;
  }
}
