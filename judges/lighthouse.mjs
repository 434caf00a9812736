// Lighthouse on pages of a Chromium that runs already, with its cookies: an address on each line of the input, a line of JSON
// for each on the output. `node lighthouse.mjs FOLDER PORT`: the folder with the packages, and the port of the browser's protocol.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, port] = process.argv.slice(2);
const { default: lighthouse } = await import(pathToFileURL(`${folder}/lighthouse/core/index.js`));

// Only the load counts: with a network that is not throttled, nothing has to be waited for after it.
const waits = { pauseAfterFcpMs: 0, pauseAfterLoadMs: 0, networkQuietThresholdMs: 0, cpuQuietThresholdMs: 0 };

for await (const url of createInterface({ input: process.stdin })) {
    const { lhr } = await lighthouse(url, {
        ...waits,
        port: Number(port),
        logLevel: "error",
        onlyCategories: ["accessibility", "best-practices"],
        formFactor: "desktop",
        screenEmulation: { disabled: true },
        disableFullPageScreenshot: true,
        disableStorageReset: true,
        throttlingMethod: "simulate",
    });
    const audits = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 1);
    const scores = Object.values(lhr.categories).map(({ id, score }) => [id, Math.round(score * 100)]);
    console.log(JSON.stringify({
        error: lhr.runtimeError?.message ?? null,
        scores: Object.fromEntries(scores),
        faults: audits.map(({ id, title }) => `${id}: ${title}`),
    }));
}
