/*
 * A disk that fails, for tests: preloaded into the engine (LD_PRELOAD), it stands between the process and libc.
 *
 * DISK_FAULTS_DIR      only files below it are touched
 * DISK_FAULTS_CONTROL  a file of 64-bit numbers that the test reads and writes while the process runs, see enum
 * DISK_FAULTS_JOURNAL  absent, or where the old content of everything written and not yet synced is kept, so that
 *                      the test can take a random part of it back: what a power cut does
 *
 * A journal is a sequence of records: magic, inode, offset, length, old length, old size (64 bits each), then the old
 * content. A record of magic SYNCED says that all earlier ones of that inode are on disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPS, FAIL_AT, FAIL_TIMES, FAIL_ERRNO, FAIL_SHORT, SYNC_DELAY_US, KILL_AT, FAILED, NO_SYNC, STORE, CONTROLS };
enum { STANDS_STILL = 1, DOES_NOT_SYNC = 2 };
enum { WRITTEN = 0x57524954, SYNCED = 0x53594e43 };

static volatile uint64_t *control;
static const char *watched;
static size_t watched_length;
static int journal = -1;
static uint64_t unsynced_bytes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*next_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*next_pwritev)(int, const struct iovec *, int, off64_t);
static ssize_t (*next_write)(int, const void *, size_t);
static ssize_t (*next_writev)(int, const struct iovec *, int);
static int (*next_fdatasync)(int);
static int (*next_fsync)(int);
static int (*next_ftruncate)(int, off64_t);
static int (*next_open)(const char *, int, ...);
static int (*next_rename)(const char *, const char *);
static int (*next_unlink)(const char *);

__attribute__((constructor)) static void begin(void) {
  next_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  next_pwritev = dlsym(RTLD_NEXT, "pwritev64");
  next_write = dlsym(RTLD_NEXT, "write");
  next_writev = dlsym(RTLD_NEXT, "writev");
  next_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  next_fsync = dlsym(RTLD_NEXT, "fsync");
  next_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  next_open = dlsym(RTLD_NEXT, "open64");
  next_rename = dlsym(RTLD_NEXT, "rename");
  next_unlink = dlsym(RTLD_NEXT, "unlink");
  const char *file = getenv("DISK_FAULTS_CONTROL");
  const char *dir = getenv("DISK_FAULTS_DIR");
  if (file == NULL || dir == NULL) return;
  int fd = open(file, O_RDWR);
  if (fd < 0) return;
  void *shared = mmap(NULL, CONTROLS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (shared == MAP_FAILED) return;
  const char *undo = getenv("DISK_FAULTS_JOURNAL");
  if (undo != NULL) journal = open(undo, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  watched = dir;
  watched_length = strlen(dir);
  control = shared;
}

static int is_below(const char *path) {
  return strncmp(path, watched, watched_length) == 0 && (path[watched_length] == '/' || path[watched_length] == 0);
}

/* Sockets and pipes have no path below the folder, so they are told apart by it as well. */
static int is_watched(int fd) {
  if (control == NULL || fd < 0 || fd == journal) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below(path);
}

static int is_store(int fd) {
  static const char name[] = "/data.mdb";
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1), end = sizeof name - 1;
  return length > end && memcmp(path + length - end, name, (size_t)end) == 0;
}

/* For ever, and not under the lock: writes to other files, such as that of a probe, go on. */
static void stand_still(int fd) {
  if (control[STORE] != STANDS_STILL || !is_store(fd)) return;
  for (;;) pause();
}

/* 0: goes on; -1: failed, errno is set; 1: only half of it is to be written. Under the lock. */
static int turn(void) {
  uint64_t op = ++control[OPS];
  if (control[KILL_AT] != 0 && op >= control[KILL_AT]) {
    syscall(SYS_kill, getpid(), SIGKILL);
    pause();
  }
  uint64_t from = control[FAIL_AT], times = control[FAIL_TIMES];
  if (from == 0 || op < from || (times != 0 && op >= from + times)) return 0;
  control[FAILED]++;
  if (control[FAIL_SHORT] != 0) return 1;
  errno = (int)control[FAIL_ERRNO];
  return -1;
}

static void put(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    ssize_t done = next_write(journal, at, length);
    if (done <= 0) abort();
    at += done;
    length -= (size_t)done;
  }
}

/* O_DSYNC: on disk when the call returns. */
static int is_synced(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC) != 0 && control[NO_SYNC] == 0;
}

static void note_write(int fd, off64_t offset, size_t length) {
  if (journal < 0 || length == 0 || is_synced(fd)) return;
  struct stat64 facts;
  if (fstat64(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  /* Its own descriptor may be open for writing only. */
  int reader = open(link, O_RDONLY | O_CLOEXEC);
  char *old = malloc(length);
  ssize_t had = 0;
  if (reader >= 0 && old != NULL) {
    ssize_t got;
    while ((size_t)had < length && (got = pread64(reader, old + had, length - (size_t)had, offset + had)) > 0) had += got;
  }
  uint64_t record[6] = {WRITTEN, facts.st_ino, (uint64_t)offset, length, (uint64_t)had, (uint64_t)facts.st_size};
  put(record, sizeof record);
  put(old, (size_t)had);
  unsynced_bytes += length;
  free(old);
  if (reader >= 0) close(reader);
}

static void note_sync(int fd) {
  if (journal < 0) return;
  struct stat64 facts;
  if (fstat64(fd, &facts) != 0) return;
  uint64_t record[6] = {SYNCED, facts.st_ino, 0, 0, 0, 0};
  put(record, sizeof record);
}

static size_t total(const struct iovec *pieces, int count) {
  size_t length = 0;
  for (int n = 0; n < count; n++) length += pieces[n].iov_len;
  return length;
}

static off64_t position(int fd) {
  int flags = fcntl(fd, F_GETFL);
  struct stat64 facts;
  if (flags >= 0 && (flags & O_APPEND) != 0 && fstat64(fd, &facts) == 0) return facts.st_size;
  return lseek64(fd, 0, SEEK_CUR);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  if (!is_watched(fd)) return next_pwrite(fd, bytes, length, offset);
  stand_still(fd);
  pthread_mutex_lock(&lock);
  int how = turn();
  ssize_t done = -1;
  if (how >= 0) {
    size_t wanted = how == 1 && length > 1 ? length / 2 : length;
    note_write(fd, offset, wanted);
    done = next_pwrite(fd, bytes, wanted, offset);
  }
  pthread_mutex_unlock(&lock);
  return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
  if (next_write == NULL) return syscall(SYS_write, fd, bytes, length);
  if (!is_watched(fd)) return next_write(fd, bytes, length);
  pthread_mutex_lock(&lock);
  int how = turn();
  ssize_t done = -1;
  if (how >= 0) {
    size_t wanted = how == 1 && length > 1 ? length / 2 : length;
    note_write(fd, position(fd), wanted);
    done = next_write(fd, bytes, wanted);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  if (!is_watched(fd)) return next_writev(fd, pieces, count);
  pthread_mutex_lock(&lock);
  int how = turn();
  ssize_t done = -1;
  if (how >= 0) {
    note_write(fd, position(fd), how == 1 ? pieces[0].iov_len : total(pieces, count));
    done = next_writev(fd, pieces, how == 1 ? 1 : count);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) {
  if (!is_watched(fd)) return next_pwritev(fd, pieces, count, offset);
  stand_still(fd);
  pthread_mutex_lock(&lock);
  int how = turn();
  ssize_t done = -1;
  if (how >= 0) {
    note_write(fd, offset, how == 1 ? pieces[0].iov_len : total(pieces, count));
    done = next_pwritev(fd, pieces, how == 1 ? 1 : count, offset);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

/* Writes go on while it syncs: only what was written before it began is on disk afterwards. */
static int synced(int fd, int (*next)(int)) {
  stand_still(fd);
  if (control[STORE] == DOES_NOT_SYNC && is_store(fd)) {
    control[FAILED]++;
    errno = EIO;
    return -1;
  }
  pthread_mutex_lock(&lock);
  int how = turn();
  pthread_mutex_unlock(&lock);
  if (how != 0) {
    if (how == 1) errno = EIO;
    return -1;
  }
  if (control[SYNC_DELAY_US] > 0) usleep((useconds_t)control[SYNC_DELAY_US]);
  pthread_mutex_lock(&lock);
  int done = control[NO_SYNC] != 0 ? 0 : next(fd);
  if (done == 0 && control[NO_SYNC] == 0) note_sync(fd);
  pthread_mutex_unlock(&lock);
  return done;
}

int fdatasync(int fd) { return is_watched(fd) ? synced(fd, next_fdatasync) : next_fdatasync(fd); }
int fsync(int fd) { return is_watched(fd) ? synced(fd, next_fsync) : next_fsync(fd); }

static int turned(void) {
  pthread_mutex_lock(&lock);
  int how = turn();
  pthread_mutex_unlock(&lock);
  if (how == 1) errno = EIO;
  return how;
}

int ftruncate64(int fd, off64_t length) {
  if (is_watched(fd) && turned() != 0) return -1;
  return next_ftruncate(fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* To open for reading never fails here: a disk that cannot be read is another matter. */
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (next_open == NULL) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  int is_writing = (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
  if (is_writing && control != NULL && is_below(path) && turned() != 0) return -1;
  return next_open(path, flags, mode);
}
int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open64(path, flags, mode);
}

int rename(const char *from, const char *to) {
  if (control != NULL && is_below(from) && turned() != 0) return -1;
  return next_rename(from, to);
}

int unlink(const char *path) {
  if (control != NULL && is_below(path) && turned() != 0) return -1;
  return next_unlink(path);
}
