/*
 * A carrier's SMSC that costs next to nothing: it answers every submit_sm at once or after a fixed time, and sends a receipt for
 * each that asks for one. So whoever is measured against it is measured, and not it. One thread, epoll.
 *
 *   sink [--port N] [--stats-port N] [--latency-ms N] [--receipt-window N] [--no-receipts 1] [--mark ADDRESS]
 *
 * Prints one line {"listening":{"port":…,"statsPort":…}}; the second port answers HTTP with counters. Of each submit_sm from the
 * address of --mark it prints {"to":…,"ns":…} with the time of CLOCK_MONOTONIC. Ends by SIGTERM.
 */
#define _GNU_SOURCE
#include "pdu.h"
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum { IN_BYTES = 1 << 20, EVENTS = 64, ADDRESS = 24, RECEIPT_MAX = 256 };

struct addresses {
  char from[ADDRESS], to[ADDRESS];
};

/** An answer, or the receipt behind it, that is not written yet. */
struct owed {
  uint64_t due_ns;
  uint32_t sequence;
  uint32_t id;
  bool wants_receipt;
  struct addresses addresses;
};

/** First in, first out; grows by doubling. */
struct queue {
  struct owed *items;
  size_t size, first, count;
};

struct connection {
  int socket;
  bool is_stats, takes_receipts, is_writing;
  uint8_t *in;
  size_t in_length;
  uint8_t *out;
  size_t out_size, out_start, out_end;
  struct queue answers, receipts;
  uint32_t sequence;
  uint32_t unacknowledged;
  struct connection *next;
};

static struct {
  uint64_t submits, receipts_sent, receipts_acknowledged, protocol_errors;
  uint32_t sessions, next_id;
} counts;

static struct connection *connections;
static int poller, timer;
static uint64_t latency_ns;
static uint32_t receipt_window = 1000;
static bool no_receipts;
static const char *mark;

static struct owed *queue_push(struct queue *queue) {
  if (queue->count == queue->size) {
    size_t size = queue->size ? queue->size * 2 : 1024;
    struct owed *items = malloc(size * sizeof *items);
    if (!items) die("malloc");
    for (size_t n = 0; n < queue->count; n++) items[n] = queue->items[(queue->first + n) & (queue->size - 1)];
    free(queue->items);
    queue->items = items;
    queue->size = size;
    queue->first = 0;
  }
  return &queue->items[(queue->first + queue->count++) & (queue->size - 1)];
}

static struct owed *queue_head(struct queue *queue) {
  return queue->count ? &queue->items[queue->first] : NULL;
}

static void queue_shift(struct queue *queue) {
  queue->first = (queue->first + 1) & (queue->size - 1);
  queue->count--;
}

/** Room for so many octets at the end of what is to be written. */
static uint8_t *room(struct connection *peer, size_t bytes) {
  if (peer->out_end + bytes > peer->out_size) {
    size_t used = peer->out_end - peer->out_start;
    if (used + bytes > peer->out_size) {
      size_t size = peer->out_size ? peer->out_size : 1 << 20;
      while (size < used + bytes) size *= 2;
      uint8_t *out = malloc(size);
      if (!out) die("malloc");
      if (used) memcpy(out, peer->out + peer->out_start, used);
      free(peer->out);
      peer->out = out;
      peer->out_size = size;
    } else {
      memmove(peer->out, peer->out + peer->out_start, used);
    }
    peer->out_start = 0;
    peer->out_end = used;
  }
  return peer->out + peer->out_end;
}

static void write_receipt(struct connection *peer, const struct owed *owed) {
  uint8_t *pdu = room(peer, HEADER + RECEIPT_MAX + 2 * ADDRESS + 32);
  uint8_t *at = pdu + HEADER;
  *at++ = 0;
  *at++ = 1;
  *at++ = 1;
  at = (uint8_t *)stpcpy((char *)at, owed->addresses.to) + 1;
  *at++ = 5;
  *at++ = 0;
  at = (uint8_t *)stpcpy((char *)at, owed->addresses.from) + 1;
  /* esm_class: a delivery receipt (clause 5.2.12); then everything up to the length is 0. */
  *at++ = 4;
  memset(at, 0, 8);
  at += 8;
  int length = snprintf((char *)at + 1, RECEIPT_MAX,
                        "id:%08x sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:", owed->id);
  *at = (uint8_t)length;
  at += 1 + length;
  put_header(pdu, (uint32_t)(at - pdu), DELIVER_SM, ++peer->sequence);
  peer->out_end += (size_t)(at - pdu);
  peer->unacknowledged++;
  counts.receipts_sent++;
}

static void write_receipts(struct connection *peer) {
  for (struct owed *owed; peer->unacknowledged < receipt_window && (owed = queue_head(&peer->receipts)); queue_shift(&peer->receipts))
    write_receipt(peer, owed);
}

static void write_answer(struct connection *peer, const struct owed *owed) {
  uint8_t *pdu = room(peer, HEADER + 9);
  put_header(pdu, HEADER + 9, SUBMIT_SM | RESPONSE, owed->sequence);
  static const char digits[] = "0123456789abcdef";
  for (int n = 0; n < 8; n++) pdu[HEADER + n] = (uint8_t)digits[(owed->id >> (28 - 4 * n)) & 15];
  pdu[HEADER + 8] = 0;
  peer->out_end += HEADER + 9;
  if (owed->wants_receipt) *queue_push(&peer->receipts) = *owed;
}

/** A C-octet string is copied, and what follows it is given; NULL: it does not end. */
static const uint8_t *take_text(const uint8_t *at, const uint8_t *end, char *into) {
  const uint8_t *zero = memchr(at, 0, (size_t)(end - at));
  if (!zero) return NULL;
  if (into && zero - at < ADDRESS) memcpy(into, at, (size_t)(zero - at) + 1);
  return zero + 1;
}

/** Clause 4.4.1. */
static void take_submit(struct connection *peer, const uint8_t *pdu, const uint8_t *end, uint64_t nowNs) {
  struct owed owed = {.due_ns = nowNs + latency_ns, .sequence = get32(pdu + 12), .id = ++counts.next_id};
  const uint8_t *at = take_text(pdu + HEADER, end, NULL);
  if (at) at = take_text(at + 2, end, owed.addresses.from);
  if (at) at = take_text(at + 2, end, owed.addresses.to);
  if (at) at = take_text(at + 3, end, NULL);
  if (at) at = take_text(at, end, NULL);
  if (!at || at >= end) {
    counts.protocol_errors++;
    return;
  }
  owed.wants_receipt = (*at & 3) != 0 && peer->takes_receipts && !no_receipts;
  counts.submits++;
  if (mark && !strcmp(owed.addresses.from, mark)) {
    printf("{\"to\":\"%s\",\"ns\":%llu}\n", owed.addresses.to, (unsigned long long)now_ns());
    fflush(stdout);
  }
  if (latency_ns) *queue_push(&peer->answers) = owed;
  else write_answer(peer, &owed);
}

static void write_plain(struct connection *peer, uint32_t command, uint32_t sequence, const char *body, size_t length) {
  uint8_t *pdu = room(peer, HEADER + length);
  put_header(pdu, (uint32_t)(HEADER + length), command | RESPONSE, sequence);
  memcpy(pdu + HEADER, body, length);
  peer->out_end += HEADER + length;
}

static void take_pdu(struct connection *peer, const uint8_t *pdu, uint32_t length, uint64_t nowNs) {
  uint32_t command = get32(pdu + 4), sequence = get32(pdu + 12);
  switch (command) {
    case SUBMIT_SM:
      take_submit(peer, pdu, pdu + length, nowNs);
      break;
    case DELIVER_SM | RESPONSE:
      counts.receipts_acknowledged++;
      peer->unacknowledged--;
      break;
    case BIND_RECEIVER:
    case BIND_TRANSMITTER:
    case BIND_TRANSCEIVER:
      peer->takes_receipts = command != BIND_TRANSMITTER;
      write_plain(peer, command, sequence, "sink", 5);
      break;
    case ENQUIRE_LINK:
    case UNBIND:
      write_plain(peer, command, sequence, "", 0);
      break;
    default:
      if (!(command & RESPONSE)) counts.protocol_errors++;
  }
}

static void watch(struct connection *peer, bool is_writing) {
  if (peer->is_writing == is_writing) return;
  peer->is_writing = is_writing;
  struct epoll_event event = {.events = EPOLLIN | (is_writing ? EPOLLOUT : 0u), .data.ptr = peer};
  epoll_ctl(poller, EPOLL_CTL_MOD, peer->socket, &event);
}

/** False: the connection is gone. */
static bool flush(struct connection *peer) {
  while (peer->out_start < peer->out_end) {
    ssize_t written = write(peer->socket, peer->out + peer->out_start, peer->out_end - peer->out_start);
    if (written < 0) {
      if (errno != EAGAIN) return false;
      watch(peer, true);
      return true;
    }
    peer->out_start += (size_t)written;
  }
  peer->out_start = peer->out_end = 0;
  watch(peer, false);
  return true;
}

static bool answer_stats(struct connection *peer) {
  char body[256], answer[512];
  int length = snprintf(body, sizeof body,
                        "{\"submits\":%llu,\"receiptsSent\":%llu,\"receiptsAcknowledged\":%llu,\"sessions\":%u,\"protocolErrors\":%llu}",
                        (unsigned long long)counts.submits, (unsigned long long)counts.receipts_sent,
                        (unsigned long long)counts.receipts_acknowledged, counts.sessions, (unsigned long long)counts.protocol_errors);
  int all = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s",
                     length, body);
  memcpy(room(peer, (size_t)all), answer, (size_t)all);
  peer->out_end += (size_t)all;
  flush(peer);
  return false;
}

/** False: the connection is gone, or to be ended. */
static bool take(struct connection *peer) {
  for (;;) {
    ssize_t got = read(peer->socket, peer->in + peer->in_length, IN_BYTES - peer->in_length);
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN;
    if (peer->is_stats) return answer_stats(peer);
    size_t length = peer->in_length + (size_t)got, at = 0;
    uint64_t nowNs = latency_ns ? now_ns() : 0;
    while (length - at >= HEADER) {
      uint32_t bytes = get32(peer->in + at);
      if (bytes < HEADER || bytes > PDU_MAX) {
        counts.protocol_errors++;
        return false;
      }
      if (length - at < bytes) break;
      take_pdu(peer, peer->in + at, bytes, nowNs);
      at += bytes;
    }
    peer->in_length = length - at;
    memmove(peer->in, peer->in + at, peer->in_length);
    write_receipts(peer);
    if (!flush(peer)) return false;
    if ((size_t)got < IN_BYTES - (length - (size_t)got)) return true;
  }
}

static void arm_timer(void) {
  uint64_t first = 0;
  for (struct connection *peer = connections; peer; peer = peer->next) {
    struct owed *owed = queue_head(&peer->answers);
    if (owed && (!first || owed->due_ns < first)) first = owed->due_ns;
  }
  struct itimerspec at = {.it_value = {.tv_sec = (time_t)(first / 1000000000u), .tv_nsec = (long)(first % 1000000000u)}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void answer_due(void) {
  uint64_t expirations, nowNs = now_ns();
  if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timer");
  for (struct connection *peer = connections; peer; peer = peer->next) {
    struct owed *owed;
    while ((owed = queue_head(&peer->answers)) && owed->due_ns <= nowNs) {
      write_answer(peer, owed);
      queue_shift(&peer->answers);
    }
    write_receipts(peer);
    flush(peer);
  }
}

static void end(struct connection *peer) {
  for (struct connection **link = &connections; *link; link = &(*link)->next) {
    if (*link != peer) continue;
    *link = peer->next;
    break;
  }
  if (!peer->is_stats) counts.sessions--;
  close(peer->socket);
  free(peer->in);
  free(peer->out);
  free(peer->answers.items);
  free(peer->receipts.items);
  free(peer);
}

static void begin(int listener, bool is_stats) {
  int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (socket < 0) return;
  no_delay(socket);
  struct connection *peer = calloc(1, sizeof *peer);
  if (!peer || !(peer->in = malloc(IN_BYTES))) die("malloc");
  peer->socket = socket;
  peer->is_stats = is_stats;
  peer->next = connections;
  connections = peer;
  if (!is_stats) counts.sessions++;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
  epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event);
}

static int listen_on(uint16_t *port, void *mark) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 512) < 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  *port = ntohs(address.sin_port);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  return listener;
}

int main(int argc, char **argv) {
  uint16_t port = 0, stats_port = 0;
  for (int n = 1; n + 1 < argc; n += 2) {
    long value = atol(argv[n + 1]);
    if (!strcmp(argv[n], "--port")) port = (uint16_t)value;
    else if (!strcmp(argv[n], "--stats-port")) stats_port = (uint16_t)value;
    else if (!strcmp(argv[n], "--latency-ms")) latency_ns = (uint64_t)value * 1000000u;
    else if (!strcmp(argv[n], "--receipt-window")) receipt_window = (uint32_t)value;
    else if (!strcmp(argv[n], "--no-receipts")) no_receipts = value != 0;
    else if (!strcmp(argv[n], "--mark")) mark = argv[n + 1];
  }
  signal(SIGPIPE, SIG_IGN);
  poller = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  int smpp_mark, stats_mark;
  int smpp = listen_on(&port, &smpp_mark), stats = listen_on(&stats_port, &stats_mark);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &timer};
  epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
  printf("{\"listening\":{\"port\":%u,\"statsPort\":%u}}\n", port, stats_port);
  fflush(stdout);
  for (;;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, -1);
    for (int n = 0; n < count; n++) {
      void *mark = events[n].data.ptr;
      if (mark == &smpp_mark) begin(smpp, false);
      else if (mark == &stats_mark) begin(stats, true);
      else if (mark == &timer) answer_due();
      else {
        struct connection *peer = mark;
        bool is_open = true;
        if (events[n].events & EPOLLOUT) is_open = flush(peer);
        if (is_open && events[n].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) is_open = take(peer);
        if (!is_open) end(peer);
      }
    }
    if (latency_ns) arm_timer();
  }
}
