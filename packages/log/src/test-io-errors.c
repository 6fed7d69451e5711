/*
 * Put before libc (LD_PRELOAD): has the kernel's calls on files whose path begins with FAIL_PATH answer EIO as a failing disk does. FAIL_CALLS names the calls,
 * FAIL_FROM how many succeed before, FAIL_TIMES how many fail then. Those that fail have no effect.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long seen;

static int fails(const char *call, int fd) {
  const char *begin = getenv("FAIL_PATH"), *calls = getenv("FAIL_CALLS");
  char link[64], path[4096];
  if (begin == NULL || calls == NULL || strstr(calls, call) == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, begin, strlen(begin)) != 0) return 0;
  long at = __atomic_fetch_add(&seen, 1, __ATOMIC_SEQ_CST), from = atol(getenv("FAIL_FROM"));
  if (at < from || at >= from + atol(getenv("FAIL_TIMES"))) return 0;
  dprintf(2, "EIO %s %s\n", call, path);
  errno = EIO;
  return 1;
}

#define SHIM(call, kind, result, parameters, arguments)                          \
  result call parameters {                                                       \
    static result (*real) parameters;                                            \
    if (real == NULL) real = (result(*) parameters)dlsym(RTLD_NEXT, #call);      \
    return fails(kind, fd) ? -1 : real arguments;                                \
  }

SHIM(fdatasync, "sync", int, (int fd), (fd))
SHIM(fsync, "sync", int, (int fd), (fd))
SHIM(write, "write", ssize_t, (int fd, const void *from, size_t bytes), (fd, from, bytes))
SHIM(pwrite, "write", ssize_t, (int fd, const void *from, size_t bytes, off_t at), (fd, from, bytes, at))
SHIM(pwrite64, "write", ssize_t, (int fd, const void *from, size_t bytes, off64_t at), (fd, from, bytes, at))
SHIM(writev, "write", ssize_t, (int fd, const struct iovec *from, int parts), (fd, from, parts))
SHIM(pwritev, "write", ssize_t, (int fd, const struct iovec *from, int parts, off_t at), (fd, from, parts, at))
SHIM(pwritev64, "write", ssize_t, (int fd, const struct iovec *from, int parts, off64_t at), (fd, from, parts, at))
SHIM(pread, "read", ssize_t, (int fd, void *to, size_t bytes, off_t at), (fd, to, bytes, at))
SHIM(pread64, "read", ssize_t, (int fd, void *to, size_t bytes, off64_t at), (fd, to, bytes, at))
