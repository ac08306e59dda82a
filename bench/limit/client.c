/*
 * The physical limit of one SMPP session: submit_sm that were encoded before anything began, of which only the sequence number is
 * set, written as many at once as the window has room for; answers are counted and receipts acknowledged, and nothing is kept.
 *
 *   client --port N --window W --seconds S [--octets N] [--receipts 1]
 *
 * Prints one line {"submits":…,"seconds":…,"receipts":…,"cpuSeconds":…}. The first fifth of the time is not counted.
 */
#define _GNU_SOURCE
#include "pdu.h"
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>

enum { BATCH = 1000, IN_BYTES = 1 << 20, ANSWERS_BYTES = 1 << 20 };

static uint8_t in[IN_BYTES], answers[ANSWERS_BYTES];
static uint8_t *batch;
static size_t in_length, answers_length, pdu_length;
static uint64_t answered, receipts;
static uint32_t sequence = 1;
static int peer;

static size_t encode_submit(uint8_t *pdu, size_t octets, bool wants_receipt) {
  uint8_t *at = pdu + HEADER;
  *at++ = 0;
  *at++ = 5;
  *at++ = 0;
  at = (uint8_t *)stpcpy((char *)at, "TRUNK") + 1;
  *at++ = 1;
  *at++ = 1;
  at = (uint8_t *)stpcpy((char *)at, "447712345678") + 1;
  memset(at, 0, 10);
  at[5] = wants_receipt;
  at += 9;
  *at++ = (uint8_t)octets;
  memset(at, 'x', octets);
  size_t length = (size_t)(at - pdu) + octets;
  put_header(pdu, (uint32_t)length, SUBMIT_SM, 0);
  return length;
}

static void send_all(const uint8_t *bytes, size_t length) {
  while (length) {
    ssize_t written = write(peer, bytes, length);
    if (written < 0) die("write");
    bytes += written;
    length -= (size_t)written;
  }
}

static void open_session(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  peer = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(peer, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  no_delay(peer);
  static const char body[] = "trunk\0secret\0\0\x34\0\0";
  uint8_t pdu[64];
  put_header(pdu, HEADER + sizeof body, BIND_TRANSCEIVER, sequence++);
  memcpy(pdu + HEADER, body, sizeof body);
  send_all(pdu, HEADER + sizeof body);
  uint8_t answer[64];
  size_t length = 0;
  while (length < HEADER || length < get32(answer)) {
    ssize_t got = read(peer, answer + length, 1);
    if (got <= 0) die("bind");
    length += (size_t)got;
  }
  if (get32(answer + 8) != 0) {
    fprintf(stderr, "the bind was refused\n");
    exit(1);
  }
  fcntl(peer, F_SETFL, O_NONBLOCK);
}

/** True: something came. */
static bool take(void) {
  ssize_t got = read(peer, in + in_length, sizeof in - in_length);
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) die("read");
  size_t length = in_length + (size_t)got, at = 0;
  while (length - at >= HEADER && length - at >= get32(in + at)) {
    uint32_t command = get32(in + at + 4);
    if (command == (SUBMIT_SM | RESPONSE)) answered++;
    if (command == DELIVER_SM && answers_length + HEADER + 1 <= sizeof answers) {
      put_header(answers + answers_length, HEADER + 1, DELIVER_SM | RESPONSE, get32(in + at + 12));
      answers[answers_length + HEADER] = 0;
      answers_length += HEADER + 1;
      receipts++;
    }
    at += get32(in + at);
  }
  in_length = length - at;
  memmove(in, in + at, in_length);
  return true;
}

/** What is to be written: acknowledgements, then what is left of a batch. */
static uint8_t *rest;
static size_t rest_length;

static bool drain(uint8_t **bytes, size_t *length) {
  while (*length) {
    ssize_t written = write(peer, *bytes, *length);
    if (written < 0 && errno == EAGAIN) return false;
    if (written < 0) die("write");
    *bytes += written;
    *length -= (size_t)written;
  }
  return true;
}

/** Whether everything could be written. */
static bool put(uint64_t *sent, uint64_t window) {
  static uint8_t *acknowledging;
  static size_t acknowledging_length;
  for (;;) {
    /* A PDU must not be cut by another: the rest of a batch goes first. */
    if (!drain(&rest, &rest_length)) return false;
    if (!drain(&acknowledging, &acknowledging_length)) return false;
    if (answers_length) {
      static uint8_t copy[ANSWERS_BYTES];
      memcpy(copy, answers, answers_length);
      acknowledging = copy;
      acknowledging_length = answers_length;
      answers_length = 0;
      continue;
    }
    uint64_t free_slots = window - (*sent - answered);
    if (!free_slots) return true;
    uint64_t count = free_slots < BATCH ? free_slots : BATCH;
    for (uint64_t n = 0; n < count; n++) put32(batch + n * pdu_length + 12, sequence = sequence % 0x7fffffff + 1);
    rest = batch;
    rest_length = count * pdu_length;
    *sent += count;
  }
}

static double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
  uint16_t port = 0;
  uint64_t window = 1;
  double seconds = 1;
  size_t octets = 160;
  bool wants_receipts = false;
  for (int n = 1; n + 1 < argc; n += 2) {
    const char *value = argv[n + 1];
    if (!strcmp(argv[n], "--port")) port = (uint16_t)atoi(value);
    else if (!strcmp(argv[n], "--window")) window = (uint64_t)atoll(value);
    else if (!strcmp(argv[n], "--seconds")) seconds = atof(value);
    else if (!strcmp(argv[n], "--octets")) octets = (size_t)atoi(value);
    else if (!strcmp(argv[n], "--receipts")) wants_receipts = atoi(value) != 0;
  }
  open_session(port);
  uint8_t pdu[512];
  pdu_length = encode_submit(pdu, octets, wants_receipts);
  batch = malloc(BATCH * pdu_length);
  if (!batch) die("malloc");
  for (size_t n = 0; n < BATCH; n++) memcpy(batch + n * pdu_length, pdu, pdu_length);

  uint64_t sent = 0, begin_ns = now_ns(), counted_from_ns = 0, answered_before = 0, receipts_before = 0;
  double cpu_before = 0;
  for (;;) {
    bool is_written = put(&sent, window);
    struct pollfd ready = {.fd = peer, .events = (short)(POLLIN | (is_written ? 0 : POLLOUT))};
    poll(&ready, 1, 1000);
    if (ready.revents & POLLIN) take();
    uint64_t nowNs = now_ns();
    double passed = (double)(nowNs - begin_ns) / 1e9;
    if (!counted_from_ns && passed >= seconds / 5) {
      counted_from_ns = nowNs;
      answered_before = answered;
      receipts_before = receipts;
      cpu_before = cpu_seconds();
    }
    if (passed < seconds) continue;
    printf("{\"submits\":%llu,\"seconds\":%.6f,\"receipts\":%llu,\"cpuSeconds\":%.6f}\n", (unsigned long long)(answered - answered_before),
           (double)(nowNs - counted_from_ns) / 1e9, (unsigned long long)(receipts - receipts_before), cpu_seconds() - cpu_before);
    return 0;
  }
}
