/* The upstream of the bench: as much of Pipedream as its peers need, at the price of a few system calls.

   stub FOLDER: serves what lies in FOLDER (token.json, accounts.json, call.json, tools-0.json ... tools-6.json;
   written by `bench.fixtures`), prints the port it listens on, and answers until it is killed.
   REST at /v1; MCP at any other path: the app is told by X-PD-App-Slug or by the path's last digit.
   PUT /delay/50 delays all MCP replies by 50 ms from now on. GET /calls tells how many tools/call came. */
#include "wire.h"

enum { APPS = 7, ROOM = 64 * 1024, EVENTS = 256, SECOND = 1000000000 };

struct span { const char *at; size_t length; };
struct reply { char *bytes; size_t length; };

struct connection {
    int fd;
    size_t filled, request;      /* bytes in `in`, and how many of them are the request under way */
    uint64_t due;                /* when the delayed reply may go; 0 where none waits */
    struct connection *next;     /* in the queue of delayed replies */
    char in[ROOM + 1];
};

static struct reply token, accounts, call, tools[APPS];
static uint64_t delay_ns, calls, sessions;
static struct connection *first, *last;
static int epoll_fd;

static const char INITIALIZED[] =
    "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
    "\"serverInfo\":{\"name\":\"bench-stub\",\"version\":\"1\"}}";

static struct reply loaded(const char *folder, const char *name) {
    char path[4096];
    struct reply reply;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    reply.bytes = content(path, &reply.length);
    return reply;
}

/* Finds the values of "id" and "method" at the top level of a JSON-RPC message; they may come in any order. */
static void read_envelope(const char *at, const char *end, struct span *id, struct span *method) {
    int depth = 0;
    struct span text = {0}, *into = NULL;
    for (; at < end; at++) {
        if (*at == '"') {
            text.at = ++at;
            while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
            text.length = (size_t)(at - text.at);
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (depth == 1 && *at == ':') {
            if (text.length == 2 && !memcmp(text.at, "id", 2)) into = id;
            else if (text.length == 6 && !memcmp(text.at, "method", 6)) into = method;
            if (into) into->at = at + 1;
        } else if (depth == 1 && into && (*at == ',' || *at == '}')) {
            into->length = (size_t)(at - into->at);
            into = NULL;
        }
        if (*at == '}' || *at == ']') depth--;
    }
}

static void send_reply(struct connection *to, const char *status, const char *extra, struct span parts[3]) {
    char out[2048];
    size_t length = parts[0].length + parts[1].length + parts[2].length;
    int head = snprintf(out, sizeof out,
                        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                        status, length, extra);
    if ((size_t)head + length <= sizeof out) { /* the usual case: one write */
        for (int i = 0; i < 3; head += (int)parts[i++].length) memcpy(out + head, parts[i].at, parts[i].length);
        write_all(to->fd, out, (size_t)head);
        return;
    }
    int is_open = write_all(to->fd, out, (size_t)head);
    for (int i = 0; is_open && i < 3; i++) is_open = write_all(to->fd, parts[i].at, parts[i].length);
}

static void send_body(struct connection *to, const char *status, const char *body, size_t length) {
    send_reply(to, status, "", (struct span[3]){{"", 0}, {body, length}, {"", 0}});
}

static void send_result(struct connection *to, struct span id, const char *extra, const char *body, size_t length) {
    char before[256];
    int n = snprintf(before, sizeof before, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":", (int)id.length, id.at);
    send_reply(to, "200 OK", extra, (struct span[3]){{before, (size_t)n}, {body, length}, {"}", 1}});
}

static int is(struct span value, const char *method) {
    size_t length = strlen(method);
    while (value.length && *value.at == ' ') value.at++, value.length--;
    return value.length >= length + 2 && value.at[0] == '"' && !memcmp(value.at + 1, method, length) &&
           value.at[length + 1] == '"';
}

static struct reply *tools_of(const char *head, const char *body) {
    const char *slug = header(head, body, "x-pd-app-slug:");
    const char *end = slug ? strchr(slug, '\r') : strchr(strchr(head, ' ') + 1, ' ');
    unsigned app = (unsigned)(end[-1] - '0');
    return &tools[app < APPS ? app : 0];
}

static void answer_mcp(struct connection *from, const char *body) {
    struct span id = {0}, method = {0};
    read_envelope(body, from->in + from->request, &id, &method);
    if (!id.length) {
        send_body(from, "202 Accepted", "", 0);
    } else if (is(method, "tools/call")) {
        calls++;
        send_result(from, id, "", call.bytes, call.length);
    } else if (is(method, "tools/list")) {
        struct reply *listed = tools_of(from->in, body);
        send_result(from, id, "", listed->bytes, listed->length);
    } else if (is(method, "initialize")) {
        char session[64];
        snprintf(session, sizeof session, "Mcp-Session-Id: session-%llu\r\n", (unsigned long long)++sessions);
        send_result(from, id, session, INITIALIZED, sizeof INITIALIZED - 1);
    } else if (is(method, "ping")) {
        send_result(from, id, "", "{}", 2);
    } else {
        char text[256];
        int n = snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"error\":{\"code\":-32601,"
                         "\"message\":\"Method not found\"}}", (int)id.length, id.at);
        send_body(from, "200 OK", text, (size_t)n);
    }
}

static void answer(struct connection *from) {
    const char *body = strstr(from->in, "\r\n\r\n") + 4;
    if (!strncmp(from->in, "PUT /delay/", 11)) {
        delay_ns = strtoull(from->in + 11, NULL, 10) * 1000000u;
        send_body(from, "200 OK", "{}", 2);
    } else if (!strncmp(from->in, "GET /calls", 10)) {
        char text[32];
        send_body(from, "200 OK", text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)calls));
    } else if (!strncmp(from->in, "POST /v1/oauth/", 15)) {
        send_body(from, "200 OK", token.bytes, token.length);
    } else if (!strncmp(from->in, "GET /v1/connect/", 16)) {
        send_body(from, "200 OK", accounts.bytes, accounts.length);
    } else if (!strncmp(from->in, "POST ", 5)) {
        answer_mcp(from, body);
    } else {
        send_body(from, strncmp(from->in, "DELETE ", 7) ? "405 Method Not Allowed" : "200 OK", "", 0);
    }
    from->filled -= from->request;
    memmove(from->in, from->in + from->request, from->filled);
    from->request = 0;
}

static void end(struct connection *gone) {
    close(gone->fd);
    gone->fd = -1;
    if (!gone->due) free(gone);
}

/* Take up the request once it is whole. */
static void take(struct connection *from) {
    from->in[from->filled] = 0;
    const char *body = from->due ? NULL : strstr(from->in, "\r\n\r\n");
    if (!body) return;
    body += 4;
    const char *length = header(from->in, body, "content-length:");
    size_t whole = (size_t)(body - from->in) + (length ? strtoul(length, NULL, 10) : 0);
    if (whole > ROOM) end(from);
    if (whole > from->filled || whole > ROOM) return;
    from->request = whole;
    int is_mcp = !strncmp(from->in, "POST ", 5) && strncmp(from->in + 5, "/v1/oauth/", 10);
    if (!delay_ns || !is_mcp) {
        answer(from);
        return;
    }
    from->due = now_ns() + delay_ns;
    from->next = NULL;
    *(first ? &last->next : &first) = from;
    last = from;
}

static void receive(struct connection *from) {
    ssize_t got = read(from->fd, from->in + from->filled, ROOM - from->filled);
    if (got > 0) {
        from->filled += (size_t)got;
        take(from);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(from);
    }
}

static void send_what_is_due(void) {
    uint64_t now = now_ns();
    while (first && first->due <= now) {
        struct connection *to = first;
        first = to->next;
        to->due = 0;
        if (to->fd < 0) free(to);
        else answer(to);
    }
}

static void welcome(int listening) {
    for (int fd; (fd = accept(listening, NULL, NULL)) >= 0;) {
        prepare(fd);
        struct connection *fresh = calloc(1, sizeof *fresh);
        fresh->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = fresh};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static _Noreturn void serve(int listening) {
    struct epoll_event events[EVENTS];
    for (;;) {
        if (first) { /* nanoseconds, where epoll_wait knows only milliseconds */
            uint64_t now = now_ns(), wait = first->due > now ? first->due - now : 0;
            struct timespec most = {(time_t)(wait / SECOND), (long)(wait % SECOND)};
            struct pollfd ready = {.fd = epoll_fd, .events = POLLIN};
            ppoll(&ready, 1, &most, NULL);
        }
        int n = epoll_wait(epoll_fd, events, EVENTS, first ? 0 : -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr) receive(events[i].data.ptr);
            else welcome(listening);
        send_what_is_due();
    }
}

int main(int count, char **arguments) {
    if (count != 2) die("usage: stub FOLDER");
    token = loaded(arguments[1], "token.json");
    accounts = loaded(arguments[1], "accounts.json");
    call = loaded(arguments[1], "call.json");
    for (int app = 0; app < APPS; app++) {
        char name[32];
        snprintf(name, sizeof name, "tools-%d.json", app);
        tools[app] = loaded(arguments[1], name);
    }
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, 1024)) die("listen");
    getsockname(listening, (struct sockaddr *)&address, &length);
    prepare(listening);
    epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listening, &event);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    serve(listening);
}
