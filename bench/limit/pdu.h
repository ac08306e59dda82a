/* What both programs know of SMPP 3.4: 16 octets of header, big-endian (clause 3.2), and the commands that they use. */
#ifndef PDU_H
#define PDU_H
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  HEADER = 16,
  PDU_MAX = 4096,
  BIND_RECEIVER = 0x01,
  BIND_TRANSMITTER = 0x02,
  BIND_TRANSCEIVER = 0x09,
  SUBMIT_SM = 0x04,
  DELIVER_SM = 0x05,
  UNBIND = 0x06,
  ENQUIRE_LINK = 0x15,
};
#define RESPONSE 0x80000000u

static inline uint32_t get32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return ntohl(value);
}

static inline void put32(uint8_t *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

static inline void put_header(uint8_t *at, uint32_t length, uint32_t command, uint32_t sequence) {
  put32(at, length);
  put32(at + 4, command);
  put32(at + 8, 0);
  put32(at + 12, sequence);
}

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline void no_delay(int socket) {
  int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
#endif
