/** Byte order, addresses as text and as bytes, and struct sockaddr. */
import {
  AF_INET,
  AF_INET6,
  decodeSockaddr,
  encodeSockaddr,
  htonl,
  htons,
  inet_aton,
  inet_ntop,
  inet_pton,
  ntohs,
} from "portolan/abi";

console.log(htons(54154), ntohs(35539), htonl(0x7f000001) === 0x0100007f);

console.log(inet_pton(AF_INET, "192.168.1.100"));
console.log(inet_pton(AF_INET, "256.0.0.1"), inet_pton(AF_INET, "abrakadabra"));
console.log(inet_ntop(AF_INET6, new Uint8Array([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])));
console.log(inet_aton("127.1"));

// What the methods of Socket do with an address; nobody has to.
const bytes = encodeSockaddr({ family: "inet", address: "127.0.0.1", port: 80 });
console.log(Buffer.from(bytes).toString("hex"), decodeSockaddr(bytes));

// prints: 35539 54154 true
// prints: Uint8Array(4) [ 192, 168, 1, 100 ]
// prints: null null
// prints: 2001:db8::1
// prints: Uint8Array(4) [ 127, 0, 0, 1 ]
// prints: 020000507f0000010000000000000000 { family: 'inet', address: '127.0.0.1', port: 80 }
