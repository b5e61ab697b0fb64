/* answer: the smallest program that serves a connection which is its standard output: one line, then the end. */
#include <unistd.h>

int main(void) {
  static const char line[] = "hello\n";
  return write(1, line, sizeof line - 1) == sizeof line - 1 ? 0 : 1;
}
