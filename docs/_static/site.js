/* Pictures that enlarge, and the chapter's demonstrations: no library, nothing from elsewhere. */
"use strict";

function enlarge(image) {
    const dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    const copy = image.cloneNode();
    copy.removeAttribute("width");
    copy.removeAttribute("height");
    dialog.append(copy);
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
}

/* A row of sliders and buttons: {name: [text, low, high, step, value]}; changed() after each move. */
function controls(demo, sliders, buttons, changed) {
    const row = document.createElement("div"), values = {};
    row.className = "controls";
    for (const [name, [text, low, high, step, value]] of Object.entries(sliders)) {
        const label = document.createElement("label"), input = document.createElement("input");
        const output = document.createElement("output");
        Object.assign(input, {type: "range", min: low, max: high, step: step, value: value});
        values[name] = value;
        output.value = value;
        input.addEventListener("input", () => {
            values[name] = Number(input.value);
            output.value = input.value;
            changed(name);
        });
        label.append(text, input, output);
        row.append(label);
    }
    for (const [text, action] of Object.entries(buttons)) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = text;
        button.addEventListener("click", () => action(button));
        row.append(button);
    }
    demo.append(row);
    return values;
}

function canvasOf(demo, width, height) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    demo.append(canvas);
    const pen = canvas.getContext("2d");
    pen.lineJoin = "round";
    pen.font = "22px sans-serif";
    return pen;
}

function note(demo) {
    const text = document.createElement("p");
    text.setAttribute("role", "status");
    demo.append(text);
    return text;
}

const BLUE = "#0072B2", ORANGE = "#D55E00", GREY = "#767676";

/* The way down the chapter's curve, 0.6 sin(2 x) + 0.2 x^2, by step size and momentum. */
function descent(demo) {
    const f = x => 0.6 * Math.sin(2 * x) + 0.2 * x * x;
    const slope = x => 1.2 * Math.cos(2 * x) + 0.4 * x;
    const W = 1000, H = 460, LOW = -3.4, HIGH = 3.4, STEPS = 60;
    const left = x => (x - LOW) / (HIGH - LOW) * W, top = y => H - 40 - (y + 0.6) * 125;
    let path = [], shown = STEPS, timer = 0;

    function walk() {
        let x = values.start, velocity = 0;
        path = [x];
        for (let i = 0; i < STEPS && Math.abs(x) < 50; i++) {
            velocity = (values.momentum ?? 0) * velocity - values.rate * slope(x);
            x += velocity;
            path.push(x);
        }
    }

    function draw() {
        pen.fillStyle = "white";
        pen.fillRect(0, 0, W, H);
        pen.lineWidth = 3;
        pen.strokeStyle = GREY;
        pen.beginPath();
        for (let i = 0; i <= 300; i++) {
            const x = LOW + (HIGH - LOW) * i / 300;
            pen.lineTo(left(x), top(f(x)));
        }
        pen.stroke();
        const visible = path.slice(0, shown + 1);
        pen.strokeStyle = pen.fillStyle = BLUE;
        pen.lineWidth = 2;
        pen.beginPath();
        visible.forEach(x => pen.lineTo(left(x), top(f(x))));
        pen.stroke();
        visible.forEach((x, i) => {
            pen.fillStyle = i === visible.length - 1 ? ORANGE : BLUE;
            pen.beginPath();
            pen.arc(left(x), top(f(x)), i === visible.length - 1 ? 11 : 5, 0, 7);
            pen.fill();
        });
        const last = visible[visible.length - 1];
        const where = Math.abs(last) > 3.4 ? "out of the picture" :
            Math.abs(slope(last)) > 0.05 ? "still moving" :
            f(last) < -0.3 ? "in the deepest valley" : "in the upper valley";
        text.textContent = `After ${visible.length - 1} steps: x = ${last.toFixed(3)}, ` +
            `f(x) = ${f(last).toFixed(3)}, ${where}.`;
    }

    function changed() {
        clearInterval(timer);
        shown = STEPS;
        walk();
        draw();
    }

    const sliders = {rate: ["step size", 0.01, 1.3, 0.01, demo.dataset.rate ?? 0.1],
                     start: ["start", -3, 3, 0.1, demo.dataset.start ?? -2.6]};
    if (demo.dataset.demo === "momentum") {
        sliders.momentum = ["momentum", 0, 0.98, 0.02, 0.9];
    }
    for (const slider of Object.values(sliders)) {
        slider[4] = Number(slider[4]);
    }
    const pen = canvasOf(demo, W, H);
    const values = controls(demo, sliders, {"Step by step": () => {
        clearInterval(timer);
        walk();
        shown = 0;
        timer = setInterval(() => {
            draw();
            shown += 1;
            if (shown >= path.length) {
                clearInterval(timer);
            }
        }, 120);
    }}, changed);
    const text = note(demo);
    changed();
}

/* Two spirals, and a network of two hidden layers that learns to tell them apart (Adam). */
function spiral(demo) {
    const SIZE = 480, GRID = 48, N = 100, BATCH = 50;
    const random = (seed => () => {  // mulberry32: the same run each time
        seed = seed + 0x6D2B79F5 | 0;
        let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
        t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
        return ((t ^ t >>> 14) >>> 0) / 4294967296;
    })(1);
    const points = [];
    for (let i = 0; i < N; i++) {
        const radius = Math.sqrt(0.02 + 0.98 * i / N), angle = radius * Math.PI * 1.4;
        const x = radius * Math.cos(angle), y = radius * Math.sin(angle);
        points.push([x, y, 0], [-x, -y, 1]);
    }
    let layers, epoch, running = false;

    function reset() {
        const sizes = [2, values.units, values.units, 1];
        layers = [];
        epoch = 0;
        for (let l = 0; l < 3; l++) {
            const [n, m] = [sizes[l], sizes[l + 1]], limit = Math.sqrt(6 / (n + m));
            const w = Array.from({length: n * m + m}, (_, i) =>
                i < n * m ? (2 * random() - 1) * limit : 0);
            layers.push({n, m, w, mean: w.map(() => 0), square: w.map(() => 0), steps: 0});
        }
    }

    function forward(x) {
        const outs = [x];
        layers.forEach(({n, m, w}, l) => {
            const out = new Array(m);
            for (let j = 0; j < m; j++) {
                let sum = w[n * m + j];
                for (let i = 0; i < n; i++) {
                    sum += outs[l][i] * w[i * m + j];
                }
                out[j] = l < 2 ? Math.tanh(sum) : 1 / (1 + Math.exp(-sum));
            }
            outs.push(out);
        });
        return outs;
    }

    function train() {  // one epoch
        const order = points.map(p => [random(), p]).sort((a, b) => a[0] - b[0]).map(p => p[1]);
        for (let start = 0; start < order.length; start += BATCH) {
            const slopes = layers.map(({w}) => w.map(() => 0));
            for (const [x, y, label] of order.slice(start, start + BATCH)) {
                const outs = forward([x, y]);
                let g = [(outs[3][0] - label) / BATCH];
                for (let l = 2; l >= 0; l--) {
                    const {n, m, w} = layers[l], next = new Array(n).fill(0);
                    for (let j = 0; j < m; j++) {
                        slopes[l][n * m + j] += g[j];
                        for (let i = 0; i < n; i++) {
                            slopes[l][i * m + j] += g[j] * outs[l][i];
                            next[i] += g[j] * w[i * m + j];
                        }
                    }
                    g = next.map((value, i) => value * (1 - outs[l][i] ** 2));
                }
            }
            layers.forEach((layer, l) => {
                layer.steps += 1;
                const rate = values.rate * Math.sqrt(1 - 0.999 ** layer.steps)
                    / (1 - 0.9 ** layer.steps);
                slopes[l].forEach((g, i) => {
                    layer.mean[i] = 0.9 * layer.mean[i] + 0.1 * g;
                    layer.square[i] = 0.999 * layer.square[i] + 0.001 * g * g;
                    layer.w[i] -= rate * layer.mean[i] / (Math.sqrt(layer.square[i]) + 1e-7);
                });
            });
        }
        epoch += 1;
    }

    function draw() {
        const cell = SIZE / GRID;
        for (let i = 0; i < GRID; i++) {
            for (let j = 0; j < GRID; j++) {
                const p = forward([(i + 0.5) / GRID * 2.4 - 1.2, 1.2 - (j + 0.5) / GRID * 2.4])[3][0];
                const [r, g, b] = p < 0.5 ? [0, 114, 178] : [213, 94, 0], k = Math.abs(p - 0.5);
                pen.fillStyle = `rgb(${255 - (255 - r) * k} ${255 - (255 - g) * k} ` +
                    `${255 - (255 - b) * k})`;
                pen.fillRect(i * cell, j * cell, cell + 1, cell + 1);
            }
        }
        let loss = 0, right = 0;
        for (const [x, y, label] of points) {
            const p = forward([x, y])[3][0];
            loss -= Math.log(Math.max(1e-7, label ? p : 1 - p));
            right += (p > 0.5) === (label === 1);
            pen.fillStyle = label ? ORANGE : BLUE;
            pen.strokeStyle = "white";
            pen.lineWidth = 1;
            pen.beginPath();
            pen.arc((x + 1.2) / 2.4 * SIZE, (1.2 - y) / 2.4 * SIZE, 5, 0, 7);
            pen.fill();
            pen.stroke();
        }
        text.textContent = `Epoch ${epoch}: loss ${(loss / points.length).toFixed(3)}, ` +
            `${right} of ${points.length} points right.`;
    }

    function frame() {
        if (running) {
            for (let i = 0; i < 4; i++) {
                train();
            }
            draw();
            requestAnimationFrame(frame);
        }
    }

    const pen = canvasOf(demo, SIZE, SIZE);
    pen.canvas.style.maxWidth = "24em";
    const values = controls(demo, {units: ["units in each hidden layer", 1, 16, 1, 8],
                                   rate: ["step size", 0.001, 0.2, 0.001, 0.02]}, {
        "Train": button => {
            running = !running;
            button.textContent = running ? "Pause" : "Train";
            frame();
        },
        "Start again": () => {
            reset();
            draw();
        }}, name => {
        if (name === "units") {
            reset();
            draw();
        }
    });
    const text = note(demo);
    reset();
    if (demo.dataset.epochs) {  // a picture of a trained one, for those who do not press the button
        for (let i = 0; i < Number(demo.dataset.epochs); i++) {
            train();
        }
    }
    draw();
}

const DEMOS = {"step-size": descent, momentum: descent, spiral: spiral};

document.addEventListener("DOMContentLoaded", () => {
    for (const image of document.querySelectorAll("article img")) {
        image.addEventListener("click", () => enlarge(image));
    }
    for (const demo of document.querySelectorAll("[data-demo]")) {
        DEMOS[demo.dataset.demo](demo);
    }
});
