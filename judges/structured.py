"""Every structured field (RFC 9651) of a response: it parses, and has only what the RFC of the field defines."""

import http_sf

TOKEN, STRING, NUMBER, YES = http_sf.Token, str, int, bool

# RFC 9211, 2: the parameters of a member of Cache-Status, and the values of `fwd`.
CACHE_STATUS = {
    "hit": (YES,), "fwd": (TOKEN,), "fwd-status": (NUMBER,), "ttl": (NUMBER,), "stored": (YES,),
    "collapsed": (YES,), "key": (STRING,), "detail": (TOKEN, STRING),
}
FORWARDS = {"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}


def is_a(value, types):
    return any(type(value) is kind for kind in types)


def cache_status(members):
    for cache, parameters in members:
        yield is_a(cache, (TOKEN, STRING)), "a cache is a token or a string"
        for name, value in parameters.items():
            yield is_a(value, CACHE_STATUS.get(name, ())), f"{name}={value!r} is not of RFC 9211"
        yield ("hit" in parameters) != ("fwd" in parameters), "either hit or fwd"
        yield str(parameters.get("fwd", "miss")) in FORWARDS, "fwd is one of the list"


def directives(members):
    numbers = {"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"}
    for name, (value, _) in members.items():
        kind = NUMBER if name in numbers else YES
        yield is_a(value, (kind,)), f"{name}={value!r} is no {kind.__name__}"


def groups(members):
    for group, parameters in members:
        yield is_a(group, (STRING,)) and not parameters, "a group is a string (RFC 9875, 2)"


def no_vary_search(members):
    for name, (value, _) in members.items():
        names = isinstance(value, list) and all(is_a(item, (STRING,)) for item, _ in value)
        allowed = {"key-order": is_a(value, (YES,)), "params": names or is_a(value, (YES,)), "except": names}
        yield allowed.get(name, False), f"{name}={value!r}"
    yield "except" not in members or members.get("params", (None,))[0] is True, "except goes with params"


FIELDS = {
    "cache-status": ("list", cache_status),
    "cache-control": ("dictionary", directives),
    "cdn-cache-control": ("dictionary", directives),
    "cache-groups": ("list", groups),
    "cache-group-invalidation": ("list", groups),
    "no-vary-search": ("dictionary", no_vary_search),
    # Registered as parseable as one (RFC 9651, and its list of older fields that happen to be).
    **{name: (kind, None) for name, kind in http_sf.retrofit.items()
       if name not in ("cache-status", "cache-control", "cdn-cache-control")},
}


def problems(reply):
    """What is wrong with the structured fields of `reply`, one text each."""
    for name in {name.decode().lower() for name, _ in reply.fields} & FIELDS.keys():
        kind, rules = FIELDS[name]
        try:
            value = http_sf.parse(reply.get(name).encode(), tltype=kind)
        except (http_sf.StructuredFieldError, ValueError) as why:
            yield f"{name}: {reply.get(name)}: {why}"
            continue
        yield from (f"{name}: {reply.get(name)}: {rule}" for holds, rule in (rules(value) if rules else ()) if not holds)
