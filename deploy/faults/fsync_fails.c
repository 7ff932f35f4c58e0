/* Makes a disk that cannot be relied on: while the file named by STADION_FSYNC_FAILS_WHEN exists, fsync and fdatasync
 * fail with EIO. For tests only: cc -shared -fPIC -o fsync_fails.so fsync_fails.c -ldl, then LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
  const char *when = getenv("STADION_FSYNC_FAILS_WHEN");
  int kept = errno;
  int there = when != NULL && access(when, F_OK) == 0;
  errno = kept;
  return there;
}

static int real(const char *name, int fd) {
  int (*call)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (call == NULL) {
    errno = ENOSYS;
    return -1;
  }
  return call(fd);
}

static int guarded(const char *name, int fd) {
  if (fails()) {
    errno = EIO;
    return -1;
  }
  return real(name, fd);
}

int fsync(int fd) { return guarded("fsync", fd); }
int fdatasync(int fd) { return guarded("fdatasync", fd); }
