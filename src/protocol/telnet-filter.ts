/**
 * Takes Telnet's commands out of a stream (RFC 854), so that a line protocol can be spoken by hand through a telnet
 * program. They are ignored, not answered: a server that asks for nothing need agree to nothing, and a client that gets
 * no answer stays a plain terminal, which RFC 854 makes the default. One request has to be answered all the same: who sends
 * DO TIMING-MARK (a telnet program does, when somebody types Ctrl-C) shows nothing until a mark has come back (RFC 860).
 *
 * Commands may be split anywhere; between two bytes one small number is all there is to remember. Outside Telnet the
 * filter changes nothing as long as byte 255 does not occur, which it does in no UTF-8 text.
 */

/** Interpret As Command: begins each command; twice it is one byte of data (RFC 854, "TELNET COMMAND STRUCTURE"). */
const IAC = 255;
/** WILL, WONT, DO and DONT, 251 to 254: one byte more, the option. */
const WILL = 251;
/** Subnegotiation begins: all up to IAC SE is part of it (RFC 855 section 3). */
const SB = 250;
const SE = 240;
const WONT = 252;
const DO = 253;
const TIMING_MARK = 6;

/** The answer to DO TIMING-MARK of who does nothing special about it; it is a mark like its opposite (RFC 860 section 5). */
export const TELNET_WONT_TIMING_MARK: Uint8Array = Uint8Array.of(IAC, WONT, TIMING_MARK);

const IN_DATA = 0;
const AFTER_IAC = 1;
const AT_OPTION = 2;
const IN_SUBNEGOTIATION = 3;
const AFTER_IAC_IN_SUBNEGOTIATION = 4;

/** Takes telnet's commands (RFC 854) out of what a client sends. */
export class TelnetFilter {
  /** Marks that were asked for; whoever answers them counts down. */
  marksWanted = 0;
  #state = IN_DATA;
  #verb = WILL;

  /**
   * Takes one byte.
   * @returns the byte as data, or -1 where it is part of a command.
   */
  take(byte: number): number {
    switch (this.#state) {
      case IN_DATA:
        if (byte !== IAC) return byte;
        this.#state = AFTER_IAC;
        return -1;
      case AFTER_IAC:
        return this.#afterIac(byte);
      case AT_OPTION:
        if (this.#verb === DO && byte === TIMING_MARK) this.marksWanted++;
        this.#state = IN_DATA;
        return -1;
      case IN_SUBNEGOTIATION:
        if (byte === IAC) this.#state = AFTER_IAC_IN_SUBNEGOTIATION;
        return -1;
      default:
        this.#state = byte === SE ? IN_DATA : IN_SUBNEGOTIATION;
        return -1;
    }
  }

  #afterIac(byte: number): number {
    this.#state = IN_DATA;
    if (byte === IAC) return IAC;
    if (byte === SB) this.#state = IN_SUBNEGOTIATION;
    else if (byte >= WILL) {
      this.#verb = byte;
      this.#state = AT_OPTION;
    }
    return -1;
  }
}
