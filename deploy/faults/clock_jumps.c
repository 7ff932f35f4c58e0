/* Makes a wall clock that is set wrong while it runs: the real-time clock is shifted by the seconds that stand in the file
 * named by STADION_CLOCK_SHIFT_S_IN. Clocks that only measure time are left alone, as the system leaves them. For tests
 * only: cc -shared -fPIC -o clock_jumps.so clock_jumps.c, then LD_PRELOAD. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
  const char *file = getenv("STADION_CLOCK_SHIFT_S_IN");
  char text[32] = {0};
  int kept = errno;
  int fd = file == NULL ? -1 : open(file, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
    close(fd);
  }
  errno = kept;
  return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int said = (int)syscall(SYS_clock_gettime, clock, now);
  if (said == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
  return said;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec at;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &at) != 0) return -1;
  now->tv_sec = at.tv_sec;
  now->tv_usec = at.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec at;
  if (clock_gettime(CLOCK_REALTIME, &at) != 0) return -1;
  if (out != NULL) *out = at.tv_sec;
  return at.tv_sec;
}
