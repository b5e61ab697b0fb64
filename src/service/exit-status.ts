/** How a command ended, as sysexits(3) numbers it; scripts and supervisors act on these. */
export const EXIT = {
  /** It did what it was asked. */
  OK: 0,
  /** The command line is wrong. */
  USAGE: 64,
  /** The input is. */
  DATAERR: 65,
  /** A file that is to be read is missing or unreadable. */
  NOINPUT: 66,
  /** No such host. */
  NOHOST: 68,
  /** The service cannot be had: nobody listens, nobody answers, the address is taken. */
  UNAVAILABLE: 69,
  /** A fault in Portolan itself. */
  SOFTWARE: 70,
  /** The system refused something that it normally grants. */
  OSERR: 71,
  /** Output could not be written. */
  IOERR: 74,
  /** May work later. */
  TEMPFAIL: 75,
  /** The peer broke the rules of the protocol. */
  PROTOCOL: 76,
  /** A permission or capability is missing. */
  NOPERM: 77,
  /** A configuration is wrong. */
  CONFIG: 78,
} as const;

/** Any status, those of sysexits and the shell's `128 + signal` among them. */
export type ExitStatus = number;
