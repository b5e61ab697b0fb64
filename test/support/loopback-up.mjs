/** Preloaded in a network namespace: brings its loopback interface up, which begins down. netdevice(7) */
import { IFF_UP, IFREQ, SIOCGIFFLAGS, SIOCSIFFLAGS } from "portolan/abi";
import { close, ioctl, socket } from "portolan/sys";

const AF_INET = 2;
const SOCK_DGRAM = 2;

const request = Buffer.alloc(IFREQ.size);
request.write("lo");
const fd = socket(AF_INET, SOCK_DGRAM, 0);
const read = ioctl(fd, SIOCGIFFLAGS, request);
request.writeUInt16LE(request.readUInt16LE(IFREQ.ifr_flags) | IFF_UP, IFREQ.ifr_flags);
const written = ioctl(fd, SIOCSIFFLAGS, request);
close(fd);
if (read < 0 || written < 0) throw new Error(`lo stays down: ${read}, ${written}`);
