/* The load generator of the bench: callers that each keep one connection and one request in flight.

   load PORT CALLERS WARM-SECONDS SECONDS REQUESTS: REQUESTS is a file of raw HTTP requests, each behind its
   length and a line feed; caller n sends the n-th over and over, with the ten digits behind "id": counted up.
   Every reply must have status 200 and carry a result that is no error. Prints one JSON object. */
#include "wire.h"
#include <sys/resource.h>

enum { ROOM = 1024 * 1024, EVENTS = 256, MOST_CALLERS = 1024, PEEK = 4096 };

struct caller {
    int fd;
    char *request, *id, *in;
    size_t length, filled, whole; /* `whole`: the reply's length; 0 as long as it is not known */
    const char *body;
    int is_chunked;
    uint64_t sent;
};

static struct caller callers[MOST_CALLERS];
static uint64_t *took; /* of each call, in ns */
static size_t calls, room;
static uint64_t begin, stop;

static void fail(const char *why, const struct caller *at) {
    fprintf(stderr, "caller %d: %s", (int)(at - callers), why);
    if (at->filled) fprintf(stderr, "; the reply was: %.*s", (int)(at->filled < 600 ? at->filled : 600), at->in);
    fputc('\n', stderr);
    exit(1);
}

/* Splits the file; callers beyond its last request begin again with the first. */
static void read_requests(const char *path, int count) {
    size_t size;
    char *at = content(path, &size), *end = at + size;
    int found = 0;
    while (at < end && found < count) {
        struct caller *of = &callers[found++];
        of->length = strtoul(at, &at, 10);
        of->request = ++at;
        at += of->length;
    }
    if (!found) die("no requests");
    for (int i = 0; i < count; i++) {
        char *copy = malloc(callers[i % found].length + 1);
        memcpy(copy, callers[i % found].request, callers[i].length = callers[i % found].length);
        copy[callers[i].length] = 0;
        callers[i].request = copy;
        callers[i].id = strstr(copy, "\"id\":");
        if (!callers[i].id) die("a request has no id");
        callers[i].id += 5;
    }
}

static void count_up(char *digits) {
    for (char *digit = digits + 9; digit >= digits; digit--) {
        if (*digit < '9') {
            ++*digit;
            return;
        }
        *digit = '0';
    }
}

static void send_request(struct caller *from) {
    count_up(from->id);
    from->filled = from->whole = 0;
    from->body = NULL;
    from->sent = now_ns();
    if (!write_all(from->fd, from->request, from->length)) fail("the connection was closed", from);
}

/* Whether the reply is whole. */
static int is_whole(struct caller *from) {
    if (!from->body) {
        const char *end = memmem(from->in, from->filled, "\r\n\r\n", 4);
        if (!end) return 0;
        from->body = end + 4;
        const char *length = header(from->in, from->body, "content-length:");
        from->is_chunked = header(from->in, from->body, "transfer-encoding:") != NULL;
        if (length) from->whole = (size_t)(from->body - from->in) + strtoul(length, NULL, 10);
        else if (!from->is_chunked) fail("a reply without a length", from);
    }
    if (from->is_chunked)
        return from->filled >= 7 && !memcmp(from->in + from->filled - 7, "\r\n0\r\n\r\n", 7);
    return from->filled >= from->whole;
}

static void check(const struct caller *from) {
    size_t length = from->filled - (size_t)(from->body - from->in);
    if (memcmp(from->in + 8, " 200", 4)) fail("a status other than 200", from);
    if (length > PEEK) length = PEEK;
    if (!memmem(from->body, length, "\"result\":", 9)) fail("a reply without a result", from);
    if (memmem(from->body, length, "\"isError\":true", 14)) fail("a tool error", from);
}

static void note(uint64_t nanoseconds) {
    if (calls == room) took = realloc(took, (room = room ? 2 * room : 1 << 20) * sizeof *took);
    if (!took) die("out of memory");
    took[calls++] = nanoseconds;
}

static void receive(struct caller *from) {
    ssize_t got = read(from->fd, from->in + from->filled, ROOM - from->filled);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) fail("the connection was closed", from);
    from->filled += (size_t)got;
    if (!is_whole(from)) return;
    check(from);
    uint64_t now = now_ns();
    if (now >= begin && now <= stop) note(now - from->sent);
    if (now < stop) send_request(from);
}

static int compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static double microseconds(double part) {
    return calls ? (double)took[(size_t)((double)(calls - 1) * part)] / 1e3 : 0;
}

static void tell(double seconds, double cpu_seconds) {
    double sum = 0;
    for (size_t i = 0; i < calls; i++) sum += (double)took[i] / 1e3;
    qsort(took, calls, sizeof *took, compare);
    printf("{\"calls\":%zu,\"seconds\":%.6f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"mean_us\":%.3f,\"cpu_seconds\":%.6f}\n",
           calls, seconds, microseconds(0.5), microseconds(0.99), calls ? sum / (double)calls : 0, cpu_seconds);
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void connect_all(int epoll_fd, int port, int count) {
    struct sockaddr_in address = loopback(port);
    for (int i = 0; i < count; i++) {
        callers[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(callers[i].fd, (struct sockaddr *)&address, sizeof address)) die("connect");
        prepare(callers[i].fd);
        callers[i].in = malloc(ROOM);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &callers[i]};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, callers[i].fd, &event);
    }
}

int main(int count, char **arguments) {
    if (count != 6) die("usage: load PORT CALLERS WARM-SECONDS SECONDS REQUESTS");
    int many = atoi(arguments[2]), epoll_fd = epoll_create1(0);
    if (many < 1 || many > MOST_CALLERS) die("callers");
    read_requests(arguments[5], many);
    connect_all(epoll_fd, atoi(arguments[1]), many);
    begin = now_ns() + (uint64_t)(atof(arguments[3]) * 1e9);
    stop = begin + (uint64_t)(atof(arguments[4]) * 1e9);
    for (int i = 0; i < many; i++) send_request(&callers[i]);
    double used_before = -1;
    struct epoll_event events[EVENTS];
    for (uint64_t now; (now = now_ns()) < stop;) {
        if (used_before < 0 && now >= begin) {
            used_before = cpu_seconds();
            puts("begin"); /* whoever started us reads the others' processor time now */
            fflush(stdout);
        }
        int n = epoll_wait(epoll_fd, events, EVENTS, 20);
        for (int i = 0; i < n; i++) receive(events[i].data.ptr);
    }
    tell((double)(stop - begin) / 1e9, cpu_seconds() - used_before);
    return 0;
}
