# Varnish in front of an application at 127.0.0.1:5000, as docs/http.md explains it:
# `varnishd -a 127.0.0.1:8080 -f /path/to/varnish.vcl -p http_gzip_support=off`. giotto compresses.
vcl 4.1;

# Of the package varnish-modules; without it, see varnish-ban.vcl.
import xkey;

backend default {
    .host = "127.0.0.1";
    .port = "5000";
}

# Who may purge: the application.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ purgers) {
            return (synth(403));
        }
        if (req.http.xkey) {
            return (synth(200, "Purged: " + xkey.purge(req.http.xkey)));
        }
        return (synth(200, "Old now: " + xkey.softpurge(req.http.xkey-softpurge)));
    }
    # Cookies do not keep a page from being shared: giotto forbids to keep a page that depends on one.
    if ((req.method == "GET" || req.method == "HEAD") && !req.http.Authorization) {
        return (hash);
    }
}

sub vcl_backend_response {
    # What Varnish may not keep it passes on as it is, with If-None-Match and Range; and no request waits for another.
    if (beresp.http.Cache-Control ~ "no-cache|no-store|private") {
        return (pass(60s));
    }
    # Without this, Varnish serves every page for ten seconds longer than it may.
    if (beresp.http.Cache-Control !~ "stale-while-revalidate") {
        set beresp.grace = 0s;
    }
    # What has expired is asked for with If-None-Match: the answer is a 304 if nothing changed.
    set beresp.keep = 1h;
}

sub vcl_deliver {
    # The tags of the page, which xkey has read.
    unset resp.http.xkey;
    # A member of Cache-Status (RFC 9211) after giotto's, for a person who reads the response.
    if (obj.hits > 0) {
        set resp.http.Cache-Status = regsub(resp.http.Cache-Status + ", varnish; hit", "^, ", "");
    } else {
        set resp.http.Cache-Status = regsub(resp.http.Cache-Status + ", varnish; fwd=miss", "^, ", "");
    }
}
