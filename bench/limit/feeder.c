/*
 * Asks a gateway over HTTP for one message after the other on connections that stay open, at next to no cost of its own, until it
 * is told to end. So a gateway that is fed by HTTP is measured, and not who feeds it.
 *
 *   feeder --port N --connections N --path /cgi-bin/sendsms?…
 *
 * Prints one line {"answers":…,"refused":…} when it gets SIGTERM; refused are answers that are not 2xx.
 */
#define _GNU_SOURCE
#include "pdu.h"
#include <poll.h>
#include <signal.h>

enum { CONNECTIONS_MAX = 256, ANSWER_MAX = 8192 };

struct connection {
  char answer[ANSWER_MAX + 1];
  size_t length;
};

static volatile sig_atomic_t is_over;
static struct connection state[CONNECTIONS_MAX];
static struct pollfd sockets[CONNECTIONS_MAX];

static void stop(int signal) {
  (void)signal;
  is_over = 1;
}

static void ask(int socket, const char *request, size_t length) {
  if (write(socket, request, length) != (ssize_t)length) die("write");
}

/** Octets of the answer that is there as a whole; 0: it is not. */
static size_t whole(const struct connection *peer) {
  const char *end = strstr(peer->answer, "\r\n\r\n");
  if (!end) return 0;
  const char *field = strcasestr(peer->answer, "\r\ncontent-length:");
  size_t body = field && field < end ? (size_t)atol(field + 17) : 0;
  size_t all = (size_t)(end + 4 - peer->answer) + body;
  return peer->length >= all ? all : 0;
}

int main(int argc, char **argv) {
  uint16_t port = 0;
  int connections = 16;
  const char *path = "/";
  for (int n = 1; n + 1 < argc; n += 2) {
    if (!strcmp(argv[n], "--port")) port = (uint16_t)atoi(argv[n + 1]);
    else if (!strcmp(argv[n], "--connections")) connections = atoi(argv[n + 1]);
    else if (!strcmp(argv[n], "--path")) path = argv[n + 1];
  }
  if (connections > CONNECTIONS_MAX) connections = CONNECTIONS_MAX;
  char request[4096];
  size_t length = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int n = 0; n < connections; n++) {
    sockets[n].fd = socket(AF_INET, SOCK_STREAM, 0);
    sockets[n].events = POLLIN;
    if (connect(sockets[n].fd, (struct sockaddr *)&address, sizeof address) < 0 && !is_over) die("connect");
    no_delay(sockets[n].fd);
    ask(sockets[n].fd, request, length);
  }
  uint64_t answers = 0, refused = 0;
  while (!is_over) {
    if (poll(sockets, (nfds_t)connections, 1000) < 0) continue;
    for (int n = 0; n < connections; n++) {
      if (!sockets[n].revents) continue;
      struct connection *peer = &state[n];
      ssize_t got = read(sockets[n].fd, peer->answer + peer->length, ANSWER_MAX - peer->length);
      if (got <= 0) die("the gateway closed a connection");
      peer->length += (size_t)got;
      peer->answer[peer->length] = 0;
      size_t all = whole(peer);
      if (!all) continue;
      answers++;
      if (strncmp(peer->answer, "HTTP/1.1 2", 10) && strncmp(peer->answer, "HTTP/1.0 2", 10)) refused++;
      peer->length = 0;
      ask(sockets[n].fd, request, length);
    }
  }
  printf("{\"answers\":%llu,\"refused\":%llu}\n", (unsigned long long)answers, (unsigned long long)refused);
  return 0;
}
