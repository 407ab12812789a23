/* browser.js: trains the network of browser.md, on kernels.js, which browser_kernels.py makes. */
"use strict";

/* The kernels: a WebAssembly module, and typed views of its memory. */
class Kernels {
    static async load(base64) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        // Of the system it uses nothing but memory; it looks for environment variables, of which
        // there are none.
        const none = () => 0;
        const noVariables = (...addresses) => {
            const memory = new DataView(instance.exports.memory.buffer);
            for (const address of addresses) memory.setUint32(address, 0, true);
            return 0;
        };
        const wasi = new Proxy({ environ_sizes_get: noVariables },
            { get: (known, name) => known[name] ?? none });
        const { instance } = await WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: wasi });
        instance.exports._initialize?.();
        return new Kernels(instance.exports);
    }

    constructor(exports) {
        this.exports = exports;
    }

    /* A copy of an array in the module's memory: its address. */
    put(array) {
        const at = this.exports.network_alloc(array.byteLength);
        new array.constructor(this.exports.memory.buffer, at, array.length).set(array);
        return at;
    }

    floats(at, n) {
        return new Float32Array(this.exports.memory.buffer, at, n);
    }
}

/* Pixels of the sheet of digits, one image after another, and labels. */
async function readDigits(data) {
    const picture = new Image();
    picture.src = `data:image/png;base64,${data.png}`;
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.width, picture.height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, canvas.width, canvas.height);
    const n = data.labels.length, perRow = canvas.width / SIDE;
    const images = new Uint8Array(n * PIXELS);
    for (let i = 0; i < n; i++) {
        const left = (i % perRow) * SIDE, top = Math.floor(i / perRow) * SIDE;
        for (let y = 0; y < SIDE; y++) {
            for (let x = 0; x < SIDE; x++) {
                const from = (top + y) * canvas.width + left + x;
                images[i * PIXELS + y * SIDE + x] = pixels[4 * from];
            }
        }
    }
    return { images, labels: BigInt64Array.from(data.labels, BigInt) };
}

const SIDE = 28, PIXELS = SIDE * SIDE, BATCH = 128, CLASSES = 10;
const OPTIMIZERS = { SGD: [0, 0.1], momentum: [1, 0.05], RMSprop: [2, 0.001], Adam: [3, 0.001] };

class Training {
    constructor(kernels, digits, nTrain) {
        this.kernels = kernels;
        this.digits = digits;
        this.nTrain = nTrain;
        this.nTest = digits.labels.length - nTrain;
        this.images = kernels.put(digits.images);
        this.rows = kernels.put(new BigInt64Array(Math.max(BATCH, this.nTest)));
        this.labels = kernels.put(new BigInt64Array(Math.max(BATCH, this.nTest)));
        this.drawn = kernels.put(new Uint8Array(PIXELS));
    }

    restart(hidden, optimizer, seed = 1) {
        const widths = Int32Array.from([PIXELS, ...hidden, CLASSES]);
        const failed = this.kernels.exports.network_make(
            widths.length - 1, this.kernels.put(widths), Math.max(BATCH, this.nTest),
            OPTIMIZERS[optimizer][0], seed);
        if (failed) throw new Error("network_make: no memory for a network of this size");
        this.units = widths[1];
        this.steps = 0;
        this.order = Array.from({ length: this.nTrain }, (_, i) => i);
        this.position = this.nTrain;
    }

    get epoch() {
        return (this.steps * BATCH) / this.nTrain;
    }

    /* Puts row numbers and their labels where the kernels read them. */
    choose(rows) {
        const memory = this.kernels.exports.memory.buffer;
        const numbers = new BigInt64Array(memory, this.rows, rows.length);
        const labels = new BigInt64Array(memory, this.labels, rows.length);
        rows.forEach((row, i) => {
            numbers[i] = BigInt(row);
            labels[i] = this.digits.labels[row];
        });
    }

    step(rate) {
        if (this.position + BATCH > this.nTrain) {
            for (let i = this.nTrain - 1; i > 0; i--) { // Fisher and Yates
                const j = Math.floor(Math.random() * (i + 1));
                [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
            }
            this.position = 0;
        }
        this.choose(this.order.slice(this.position, this.position + BATCH));
        this.kernels.exports.network_step(this.images, this.rows, this.labels, BATCH, rate);
        this.position += BATCH;
        this.steps++;
        return this.result();
    }

    result() {
        const { network_loss: loss, network_accuracy: accuracy } = this.kernels.exports;
        return { loss: loss(), accuracy: accuracy() };
    }

    test() {
        this.choose(Array.from({ length: this.nTest }, (_, i) => this.nTrain + i));
        this.kernels.exports.network_assess(this.images, this.rows, this.labels, this.nTest);
        return this.result();
    }

    /* The probabilities of the ten digits for pixels: (28 * 28,), 0 to 255. */
    predict(pixels) {
        const memory = this.kernels.exports.memory.buffer;
        new Uint8Array(memory, this.drawn, PIXELS).set(pixels);
        new BigInt64Array(memory, this.rows, 1)[0] = 0n;
        const at = this.kernels.exports.network_assess(this.drawn, this.rows, this.labels, 1);
        return Array.from(this.kernels.floats(at, CLASSES));
    }

    weights() {
        return this.kernels.floats(this.kernels.exports.network_weights(), PIXELS * this.units);
    }
}

/* ------------------------------------------------------------------------------ pictures */

function drawCurves(canvas, history) {
    const context = canvas.getContext("2d"), { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    if (!history.length) return;
    const last = history[history.length - 1];
    const most = Math.max(...history.map((point) => point.loss), 1e-9);
    const x = (point) => (point.epoch / Math.max(last.epoch, 1e-9)) * (width - 10) + 5;
    const line = (colour, value) => {
        context.strokeStyle = colour;
        context.lineWidth = 2;
        context.beginPath();
        history.forEach((point, i) => {
            const y = height - 5 - value(point) * (height - 10);
            if (i) context.lineTo(x(point), y); else context.moveTo(x(point), y);
        });
        context.stroke();
    };
    line("#d55e00", (point) => point.loss / most);
    line("#0072b2", (point) => point.accuracy);
}

function drawWeights(canvas, training) {
    const context = canvas.getContext("2d");
    const columns = Math.floor(canvas.width / (SIDE + 2));
    const n = Math.min(training.units, columns * Math.floor(canvas.height / (SIDE + 2)));
    const weights = training.weights(), image = context.createImageData(SIDE, SIDE);
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (let unit = 0; unit < n; unit++) {
        let most = 1e-9;
        for (let i = 0; i < PIXELS; i++) {
            most = Math.max(most, Math.abs(weights[i * training.units + unit]));
        }
        for (let i = 0; i < PIXELS; i++) { // orange below 0, blue above, white at 0
            const w = weights[i * training.units + unit] / most, pale = 255 * (1 - Math.abs(w));
            image.data.set(w > 0 ? [pale, pale + 114 * w, 255 - 77 * w, 255]
                : [255 + 42 * w, pale - 94 * w, pale, 255], 4 * i);
        }
        context.putImageData(image, (unit % columns) * (SIDE + 2),
            Math.floor(unit / columns) * (SIDE + 2));
    }
}

/* What was drawn on the large canvas as MNIST has it: the ink in 20 x 20 pixels, its centre of mass
 * in the middle of 28 x 28. Null for an empty page. */
function asDigit(canvas) {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
    let [left, right, top, bottom] = [width, -1, height, -1];
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
            if (data[4 * (y * width + x)] > 40) {
                left = Math.min(left, x);
                right = Math.max(right, x);
                top = Math.min(top, y);
                bottom = Math.max(bottom, y);
            }
        }
    }
    if (right < 0) return null;
    const scale = 20 / Math.max(right - left + 1, bottom - top + 1);
    const small = document.createElement("canvas");
    small.width = small.height = SIDE;
    const context = small.getContext("2d", { willReadFrequently: true });
    const place = (dx, dy) => {
        context.fillStyle = "black";
        context.fillRect(0, 0, SIDE, SIDE);
        const [w, h] = [(right - left + 1) * scale, (bottom - top + 1) * scale];
        context.imageSmoothingQuality = "high";
        context.drawImage(canvas, left, top, right - left + 1, bottom - top + 1,
            (SIDE - w) / 2 + dx, (SIDE - h) / 2 + dy, w, h);
        const pixels = new Uint8Array(PIXELS), all = context.getImageData(0, 0, SIDE, SIDE).data;
        for (let i = 0; i < PIXELS; i++) pixels[i] = all[4 * i];
        return pixels;
    };
    let pixels = place(0, 0), [sum, x, y] = [0, 0, 0];
    pixels.forEach((ink, i) => {
        sum += ink;
        x += ink * (i % SIDE);
        y += ink * Math.floor(i / SIDE);
    });
    return place(Math.round(13.5 - x / sum), Math.round(13.5 - y / sum));
}

/* Lets the mouse or a finger draw white lines on a black canvas. */
function letDraw(canvas, changed) {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const clear = () => {
        context.fillStyle = "black";
        context.fillRect(0, 0, canvas.width, canvas.height);
        changed();
    };
    const at = (event) => {
        const box = canvas.getBoundingClientRect();
        return [(event.clientX - box.left) * (canvas.width / box.width),
            (event.clientY - box.top) * (canvas.height / box.height)];
    };
    let before = null;
    canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        before = at(event);
    });
    canvas.addEventListener("pointermove", (event) => {
        if (!before) return;
        const now = at(event);
        Object.assign(context, { strokeStyle: "white", lineWidth: 18, lineCap: "round" });
        context.beginPath();
        context.moveTo(...before);
        context.lineTo(...now);
        context.stroke();
        before = now;
        changed();
    });
    for (const name of ["pointerup", "pointercancel"]) {
        canvas.addEventListener(name, () => { before = null; });
    }
    return clear;
}

/* -------------------------------------------------------------------------------- the page */

async function main() {
    const part = (name) => document.getElementById(`browser-${name}`);
    if (typeof PYTENSOR === "undefined") {
        part("status").textContent = "The kernels are missing from this build of the site: it needs "
            + "Zig's compiler (pip install ziglang).";
        return;
    }
    const kernels = await Kernels.load(PYTENSOR.wasm);
    const training = new Training(kernels, await readDigits(PYTENSOR), PYTENSOR.train);
    let running = false, history = [], spent = 0;

    const seen = () => {
        const pixels = asDigit(part("draw"));
        const chances = pixels ? training.predict(pixels) : new Array(CLASSES).fill(0);
        const best = chances.indexOf(Math.max(...chances));
        part("guess").textContent = pixels ? `${best} (${(100 * chances[best]).toFixed(0)} %)` : "";
        part("bars").replaceChildren(...chances.map((chance, digit) => {
            const bar = document.createElement("span");
            bar.style.setProperty("--chance", chance);
            bar.textContent = digit;
            return bar;
        }));
    };
    const show = () => {
        const found = history[history.length - 1];
        part("status").textContent = found
            ? `epoch ${found.epoch.toFixed(1)}, loss ${found.loss.toFixed(4)}, test accuracy `
                + `${found.accuracy.toFixed(3)}, ${Math.round((training.steps * BATCH) / spent)} `
                + "images a second"
            : "ready";
        drawCurves(part("curves"), history);
        drawWeights(part("weights"), training);
        seen();
    };
    const restart = () => {
        const hidden = part("layers").value.split(",").filter(Boolean).map(Number);
        training.restart(hidden, part("optimizer").value);
        [history, spent] = [[], 0];
        show();
    };
    const advance = () => { // a few steps, then the page has its turn
        const started = performance.now(), rate = Number(part("rate").value);
        let sum = 0, n = 0;
        do {
            sum += training.step(rate).loss;
            n++;
        } while (performance.now() - started < 40);
        spent += (performance.now() - started) / 1000;
        history.push({ epoch: training.epoch, loss: sum / n, accuracy: training.test().accuracy });
        show();
        if (running) requestAnimationFrame(advance);
    };

    part("optimizer").replaceChildren(...Object.keys(OPTIMIZERS).map((name) => new Option(name)));
    part("optimizer").value = "RMSprop";
    part("optimizer").addEventListener("change", () => {
        part("rate").value = OPTIMIZERS[part("optimizer").value][1];
        restart();
    });
    part("layers").addEventListener("change", restart);
    part("restart").addEventListener("click", restart);
    part("run").addEventListener("click", () => {
        running = !running;
        part("run").textContent = running ? "Pause" : "Train";
        if (running) advance();
    });
    restart();
    const clear = letDraw(part("draw"), seen);
    part("clear").addEventListener("click", clear);
    clear();
    document.documentElement.dataset.browser = "ready";
    if (location.hash === "#train") part("run").click();
}

document.addEventListener("DOMContentLoaded", () => main().catch((error) => {
    document.getElementById("browser-status").textContent = `This browser can't run it: ${error}`;
}));
