# For Varnish without the module xkey: in varnish.vcl, in the place of `import xkey` and of the block for PURGE.
sub vcl_recv {
    if (req.method == "BAN") {
        if (client.ip !~ purgers) {
            return (synth(403));
        }
        if (!req.http.x-cache-tags) {
            return (synth(400));
        }
        ban("obj.http.xkey ~ " + req.http.x-cache-tags);
        return (synth(200, "Banned"));
    }
}
