/**
 * Takes Telnet's commands out of a stream (RFC 854), so that a line protocol can be spoken by hand through a telnet
 * program. They are ignored, not answered: a server that asks for nothing need agree to nothing, and a client that gets
 * no answer stays a plain terminal, which RFC 854 makes the default.
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

const IN_DATA = 0;
const AFTER_IAC = 1;
const AT_OPTION = 2;
const IN_SUBNEGOTIATION = 3;
const AFTER_IAC_IN_SUBNEGOTIATION = 4;

/** Takes telnet's commands (RFC 854) out of what a client sends. */
export class TelnetFilter {
  #state = IN_DATA;

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
    else if (byte >= WILL) this.#state = AT_OPTION;
    return -1;
  }
}
