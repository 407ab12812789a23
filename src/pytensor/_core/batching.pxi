# vmap: the program of many samples from the trace of one.
#
# The function is recorded as for jit, on the first sample. A step of the trace names its operands
# by places: a buffer, an offset and strides. So a batch needs neither other functions nor tensors
# that hide an axis: each buffer that depends on a mapped argument exists once per sample, and a
# place in it gets one more stride, the bytes from one sample to the next. Views, transposes and
# broadcasting are strides already, and need no rule. What is left is a rule per kind of step:
#
#     element-wise, copies, reductions, checks   one more axis in front
#     products                                   one more axis of the batch; taller matrices where
#                                                all samples share a factor
#     running sums, softmax, losses, windows     more rows or images, as the kernels have them
#     any other kernel                           a loop in C over the samples
#     what calls back into Python                one more axis where the function takes it, as those
#                                                of linear algebra do; or a loop over the samples
#
# The result is a trace again. It becomes a program, or its steps join the trace around it, so vmap
# composes with itself, with jit and with tapes.


@cython.final
cdef class _Batching:
    """Turns the steps of one sample into those of n."""

    cdef _Trace source, target
    cdef Py_ssize_t n
    cdef list strides               # of each buffer: bytes between samples; None: it is shared
    cdef dict products              # number of a buffer -> number of the step that fills it, sizes

    @staticmethod
    cdef _Batching of(_Trace source, list strides, Py_ssize_t n):
        """strides: of the arguments, in order."""
        cdef _Batching b = _Batching.__new__(_Batching)
        cdef _Trace target = _Trace.__new__(_Trace, source.name, False)
        cdef _Buffer buffer
        cdef _Step step
        b.source = source
        b.target = target
        b.n = n
        b.strides = [None] * len(source.buffers)
        b.products = {}
        target.outer = source.outer
        target.outside = source.outside
        target.buffers = list(source.buffers)
        for number, buffer in enumerate(source.buffers):
            if buffer.kind == ARGUMENT:
                b.strides[number] = strides[buffer.argument]
        b.spread()
        for number, buffer in enumerate(source.buffers):
            if buffer.kind == TEMPORARY and b.strides[number] is not None:
                target.buffers[number] = buffer_of_all(buffer, n)
        for step in source.steps:
            b.place_step(step)
        return b

    cdef int spread(self) except -1:
        """Finds the buffers that are written from others that differ between samples."""
        cdef _Step step
        cdef bint grown = True, differs
        while grown:
            grown = False
            for step in self.source.steps:
                differs = step.keep
                for place in step.ins:
                    differs = differs or self.strides[place[0]] is not None
                if not differs:
                    continue
                for place in step.outs:
                    if self.strides[place[0]] is None:
                        self.strides[place[0]] = (<_Buffer>self.source.buffers[place[0]]).n_bytes
                        grown = True
        return 0

    cdef Py_ssize_t stride(self, tuple place) except? -1:
        """The bytes between a place's samples."""
        cdef object stride = self.strides[place[0]]
        return 0 if stride is None else stride

    cdef tuple in_front(self, tuple place):
        """The place with the samples as its first axis."""
        return (place[0], place[1], place[2], (self.stride(place), *place[3]))

    cdef list all_in_front(self, list places):
        cdef list result = []
        for place in places:
            result.append(self.in_front(place))
        return result

    cdef int new_buffer(self, int type, tuple dims) except -1:
        """The number of a buffer for an intermediate result of all samples, in C order."""
        cdef _Buffer buffer = _Buffer.__new__(_Buffer)
        cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[type], size = 1, length
        for length in dims:
            size *= length
        buffer.kind = TEMPORARY
        buffer.type = type
        buffer.dims = dims
        buffer.strides = c_strides(dims, item)
        buffer.n_bytes = size * item
        buffer.n_writes = 1
        self.target.buffers.append(buffer)
        self.strides.append(buffer.n_bytes // max(self.n, 1))
        return <int>len(self.target.buffers) - 1

    cdef _Step add(self, _Step like, tuple shape, list ins, list outs, tuple sizes):
        """A step of the same kind."""
        return add_like(self.target, like, shape, ins, outs, sizes)

    cdef int place_step(self, _Step step) except -1:
        cdef bint shared = True
        cdef Py_ssize_t n = self.n
        cdef tuple sizes = step.sizes
        for place in step.ins + step.outs:
            shared = shared and self.strides[place[0]] is None
        if shared:
            self.add(step, step.shape, list(step.ins), list(step.outs), sizes)
        elif n == 0:                # nothing to compute
            pass
        elif step.kind == PT_STEP_CALL:
            self.place_call(step)
        elif step.loop or len(step.shape) >= PT_MAX_NDIM - 2:
            self.repeat(step)
        elif step.kind <= PT_STEP_COPY or step.kind == PT_STEP_REDUCE:
            self.add(step, (n, *step.shape), self.all_in_front(step.ins),
                     self.all_in_front(step.outs), sizes)
        elif step.kind == PT_STEP_MATMUL:
            self.place_product(step, sizes)
        elif step.kind == PT_STEP_DENSE:
            item = <Py_ssize_t>pt_dtype_size[step.type]
            self.place_product(step, (*sizes[:3], sizes[3] * item, item, sizes[4] * item, item))
        elif step.kind == PT_STEP_DENSE_GRADIENT:
            item = <Py_ssize_t>pt_dtype_size[step.type]
            self.place_product(step, (sizes[2], sizes[1], sizes[0], item, sizes[3] * item,
                                      sizes[4] * item, item))
        elif step.kind == PT_STEP_CHECK_ROWS:
            self.add(step, (n, *step.shape), self.all_in_front(step.ins),
                     self.all_in_front(step.outs), (n * sizes[0], *sizes[1:]))
        elif step.kind == PT_STEP_CUMULATE:
            self.stack(step, (sizes[0] * sizes[1] * sizes[2],), (n * sizes[0], *sizes[1:]))
        elif step.kind in (PT_STEP_SOFTMAX, PT_STEP_LOG_SOFTMAX):
            self.stack(step, (sizes[0] * sizes[1],), (n * sizes[0], sizes[1]))
        elif step.kind == PT_STEP_CROSS_ENTROPY:
            self.stack(step, (sizes[0] * sizes[1],) * 2, (n * sizes[0], sizes[1]))
        elif step.kind == PT_STEP_SPARSE_CROSS_ENTROPY:
            self.stack(step, (sizes[0] * sizes[1], sizes[0]), (n * sizes[0], sizes[1]))
        elif step.kind == PT_STEP_GATHER:
            self.place_gather(step, sizes[0], sizes[1])
        elif step.kind == PT_STEP_KERNEL and step.parts is None:
            self.place_kernel(step)
        else:
            self.repeat(step)
        return 0

    cdef int repeat(self, _Step step) except -1:
        """The rule for everything in C: a call per sample."""
        cdef _Step repeated = self.add(step, step.shape, list(step.ins), list(step.outs),
                                       step.sizes)
        cdef list strides = []
        cdef Py_ssize_t k
        for k, place in enumerate(step.ins + step.outs):
            strides.append((self.stride(place),
                            *(step.loop_strides[k] if step.loop else ())))
        repeated.loop = (self.n, *step.loop)
        repeated.loop_strides = strides
        return 0

    cdef tuple stacked(self, tuple place, Py_ssize_t n_elements):
        """The place of the elements of all samples without gaps; they are copied if need be. A
        sample's are contiguous."""
        cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[place[2]]
        if self.stride(place) == n_elements * item:
            return place
        number = self.new_buffer(place[2], (self.n, n_elements))
        self.target.add(PT_STEP_COPY, CONVERSION, place[2], (self.n, n_elements),
                        [(place[0], place[1], place[2], (self.stride(place), item))],
                        [(number, 0, place[2], (n_elements * item, item))])
        return (number, 0, place[2], place[3])

    cdef _Step stack(self, _Step step, tuple n_elements, tuple sizes):
        """A call on the rows of all samples. n_elements: of each input, of one sample."""
        cdef list ins = []
        for place, n in zip(step.ins, n_elements):
            ins.append(self.stacked(place, n))
        return self.add(step, (self.n, *step.shape), ins, list(step.outs), sizes)

    cdef int place_product(self, _Step step, tuple sizes) except -1:
        """Products of matrices (m, k) and (k, n). sizes: m, n, k, and the strides of rows and
        columns in bytes."""
        cdef Py_ssize_t m, n, k, x_row, x_column, y_row, y_column
        cdef tuple x = step.ins[0], y = step.ins[1], out = step.outs[0], shape = step.shape, bias
        cdef Py_ssize_t of_x = self.stride(x), of_y = self.stride(y)
        cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[step.type]
        cdef list ins = [(x[0], x[1], x[2], ()), (y[0], y[1], y[2], ())]
        cdef bint relu = step.kind != PT_STEP_DENSE_GRADIENT and step.op != 0
        m, n, k, x_row, x_column, y_row, y_column = sizes
        if len(step.ins) > 2:
            bias = step.ins[2]
            if self.stride(bias) != 0:          # a kernel adds the same one to all products
                return self.place_bias(step, relu, bias, sizes)
            ins.append(bias)
        if not shape and of_y == 0 and (m == 1 or of_x == m * x_row):
            # the rows of all samples times the same matrix
            x_row = of_x if m == 1 else x_row
            m *= self.n
            if (x_column == item and y_column == item and x_row % item == 0 and y_row % item == 0
                    and k > 0 and kind_of(step.type) == KIND_FLOAT
                    and pt_tiles_pay(<pt_dtype>step.type, m, n, k)):
                self.target.add(PT_STEP_DENSE, relu, step.type, (), ins, [out],
                                (m, n, k, x_row // item, y_row // item))
            else:
                self.target.add(PT_STEP_MATMUL, relu, step.type, (), ins, [out],
                                (m, n, k, x_row, x_column, y_row, y_column))
        elif not shape and of_x == 0 and n == 1 and len(ins) == 2 and not relu:
            # the same matrix times a column of each sample: these are the rows, as it were
            self.target.add(PT_STEP_MATMUL, 0, step.type, (), [ins[1], ins[0]], [out],
                            (self.n, m, k, of_y, y_row, x_column, x_row))
        elif k == 1 and len(ins) == 2 and not relu:
            self.products[out[0]] = (len(self.target.steps), step, sizes)
            shape = (self.n, *shape, m, n)
            self.target.add(PT_STEP_ELEMENTWISE, ROW_MULTIPLY, step.type, shape,
                            [(*x[:3], (of_x, *x[3], x_row, 0)),
                             (*y[:3], (of_y, *y[3], 0, y_column))],
                            [(*out[:3], c_strides(shape, item))])
        else:
            if len(ins) == 2 and not relu:
                self.products[out[0]] = (len(self.target.steps), step, sizes)
            ins[0] = self.in_front(x)
            ins[1] = self.in_front(y)
            self.target.add(PT_STEP_MATMUL, relu, step.type, (self.n, *shape), ins, [out],
                            (m, n, k, x_row, x_column, y_row, y_column))
        return 0

    cdef int place_bias(self, _Step step, bint relu, tuple bias, tuple sizes) except -1:
        """Products to which each sample adds a bias of its own, (n,)."""
        cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[step.type]
        cdef tuple shape = (self.n, *sizes[:2]), strides = c_strides(shape, item)
        cdef _Step product = _Step.__new__(_Step)
        cdef tuple out = step.outs[0], place
        product.kind = PT_STEP_MATMUL
        product.type = step.type
        product.shape = ()
        place = (self.new_buffer(step.type, shape), 0, step.type, strides)
        product.ins = step.ins[:2]
        product.outs = [place]
        self.place_product(product, sizes)
        ins = [place, (*bias[:3], (self.stride(bias), 0, item))]
        if relu:
            place = (self.new_buffer(step.type, shape), 0, step.type, strides)
        else:
            place = (*out[:3], strides)
        self.target.add(PT_STEP_ELEMENTWISE, ROW_ADD, step.type, shape, ins, [place])
        if relu:
            self.target.add(PT_STEP_ELEMENTWISE, ROW_RELU, step.type, shape, [place],
                            [(*out[:3], strides)])
        return 0

    cdef int place_gather(self, _Step step, Py_ssize_t row_length, Py_ssize_t count) except -1:
        """Rows of a tensor, by numbers that have been checked."""
        cdef tuple t = step.ins[0], numbers = self.stacked(step.ins[1], count)
        cdef Py_ssize_t row = row_length * <Py_ssize_t>pt_dtype_size[t[2]], of_t = self.stride(t)
        cdef Py_ssize_t word = sizeof(int64_t)
        if of_t < 0 or row == 0 or of_t % row != 0:
            return self.repeat(step)
        if of_t > 0:                            # a sample's rows come after those of others
            strides = (count * word, word)
            place = (self.new_buffer(PT_INT64, (self.n, count)), 0, PT_INT64, strides)
            firsts = untraced_numpy(np.arange(self.n) * (of_t // row))
            ins = [(*numbers[:3], strides),
                   (self.target.new_buffer(CONSTANT, firsts, True), 0, PT_INT64, (word, 0))]
            self.strides.append(None)
            self.target.add(PT_STEP_ELEMENTWISE, ROW_ADD, PT_INT64, (self.n, count), ins, [place])
            numbers = place
        self.add(step, step.shape, [t, numbers], list(step.outs), (row_length, self.n * count))
        return 0

    cdef int place_kernel(self, _Step step) except -1:
        """Any other kernel: one call if its parameters have a number of samples."""
        cdef ConvCall conv
        cdef CrossEntropyCall loss
        cdef Py_ssize_t x, out
        cdef _Step stacked
        if step.run == run_conv:
            memcpy(&conv, <const char *>step.parameters, sizeof(conv))
            x = conv.geometry.n_images * conv.geometry.x_channels
            out = conv.geometry.n_images * conv.geometry.out_channels
            for d in range(PT_CONV_AXES):
                x *= conv.geometry.x_dims[d]
                out *= conv.geometry.out_dims[d]
            counts = {ROW_CONV: (x,), ROW_CONV_TRANSPOSE: (out,), ROW_MAX_POOL: (x,),
                      ROW_MAX_POOL_PICK: (x, x), ROW_MAX_POOL_SPREAD: (x, out)}.get(conv.row)
            if counts is None:
                self.products[step.outs[0][0]] = (len(self.target.steps), step, (x, out))
                return self.repeat(step)
            for place in step.ins[len(counts):]:    # the kernel and the bias
                if self.stride(place) != 0:
                    return self.repeat(step)
            conv.geometry.n_images *= self.n
            stacked = self.stack(step, counts, step.sizes)
            stacked.ins += step.ins[len(counts):]
            stacked.parameters = (<const char *>&conv)[:sizeof(conv)]
            return 0
        if step.run == run_cross_entropy_gradient:
            memcpy(&loss, <const char *>step.parameters, sizeof(loss))
            x = loss.rows * loss.columns
            out = loss.rows
            counts = (x, out)       # logits and losses, then labels or targets and their sums
            counts += (out,) if loss.is_sparse else counts
            loss.rows *= self.n
            stacked = self.stack(step, counts, step.sizes)
            stacked.parameters = (<const char *>&loss)[:sizeof(loss)]
            return 0
        return self.repeat(step)

    cdef object result(self, object tree, list wanted_of_one, list axes, list wanted):
        """The form of a sample's result as that of all. axes: of its tensors, in order."""
        cdef _Leaf one, leaf
        cdef int number
        if type(tree) is _Leaf:
            one = tree
            axis = axes.pop(0)
            number = wanted_of_one[one.out]
            if axis is SUMMED:
                number = self.summed(number)
                axis = None
            elif axis is None and self.strides[number] is not None:
                raise ValueError(f"{self.source.name}: out_axes: found None for a result that "
                                 "depends on the mapped arguments: expected an integer")
            elif axis is not None and self.strides[number] is None:
                number = self.repeated(number)
            if number not in wanted:
                wanted.append(number)
            leaf = _Leaf.__new__(_Leaf)
            leaf.out = wanted.index(number)
            leaf.whole = one.whole and (axis is None or axis == 0)
            leaf.readonly = one.readonly
            leaf.offset = one.offset
            leaf.dims, leaf.strides = one.dims, one.strides
            if axis is not None:
                leaf.dims = (*one.dims[:axis], self.n, *one.dims[axis:])
                leaf.strides = (*one.strides[:axis], self.strides[number], *one.strides[axis:])
            return leaf
        if isinstance(tree, dict):
            return {key: self.result(part, wanted_of_one, axes, wanted)
                    for key, part in tree.items()}
        if isinstance(tree, (list, tuple)):
            parts = []
            for part in tree:
                parts.append(self.result(part, wanted_of_one, axes, wanted))
            return rebuilt(tree, parts)
        return tree

    cdef int summed(self, int number) except -1:
        """The number of a buffer with the sum of this one's samples. That of products over all
        samples is one product."""
        cdef _Buffer one = <_Buffer>self.source.buffers[number]
        cdef int total = <int>len(self.target.buffers)
        cdef bint read = False
        cdef Py_ssize_t k
        cdef _Step step, product
        self.target.buffers.append(buffer_of_all(one, 1))
        (<_Buffer>self.target.buffers[total]).dims = one.dims
        (<_Buffer>self.target.buffers[total]).strides = one.strides
        (<_Buffer>self.target.buffers[total]).n_writes = 1
        self.strides.append(None)
        if self.n > 0 and number in self.products and one.n_writes == 1:
            for step in self.target.steps:
                for place in step.ins:
                    read = read or place[0] == number
            k, product, sizes = self.products.pop(number)
            if not read and self.place_sum(product, sizes, total):
                del self.target.steps[k]
                for other, known in self.products.items():
                    if known[0] > k:
                        self.products[other] = (known[0] - 1, *known[1:])
                return total
        if self.strides[number] is None:
            number = self.repeated(number)
        step = self.target.add(PT_STEP_REDUCE, ROW_SUM - PT_OP_COUNT, one.type,
                               (*one.dims, self.n),
                               [(number, 0, one.type, (*one.strides, one.n_bytes))],
                               [(total, 0, one.type, one.strides)])
        step.n_reduced = 1
        return total

    cdef bint place_sum(self, _Step step, tuple sizes, int total) except -1:
        """Adds the step of the sum of all samples' products if it is one product."""
        cdef Py_ssize_t m, n, k, x_row, x_column, y_row, y_column, of_x, of_y
        cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[step.type]
        cdef tuple x = step.ins[0], y = step.ins[1]
        cdef list ins = [(*x[:3], ()), (*y[:3], ())], outs = [(total, *step.outs[0][1:])]
        cdef ConvCall conv
        if step.kind == PT_STEP_KERNEL:         # the gradient of a convolution's kernel
            memcpy(&conv, <const char *>step.parameters, sizeof(conv))
            conv.geometry.n_images *= self.n
            self.add(step, step.shape, [self.stacked(x, sizes[0]), self.stacked(y, sizes[1])], outs,
                     step.sizes).parameters = (<const char *>&conv)[:sizeof(conv)]
            return True
        m, n, k, x_row, x_column, y_row, y_column = sizes
        of_x, of_y = self.stride(x), self.stride(y)
        if step.shape or k == 0 or k > 1 and (of_x != k * x_column or of_y != k * y_row):
            return False
        if k == 1:
            x_column, y_row = of_x, of_y
        k *= self.n
        if (kind_of(step.type) == KIND_FLOAT and x_row == item and y_column == item
                and x_column % item == 0 and y_row % item == 0
                and pt_tiles_pay(<pt_dtype>step.type, m, n, k)):
            self.target.add(PT_STEP_DENSE_GRADIENT, 0, step.type, (), ins, outs,
                            (k, n, m, x_column // item, y_row // item))
        else:
            self.target.add(PT_STEP_MATMUL, 0, step.type, (), ins, outs,
                            (m, n, k, x_row, x_column, y_row, y_column))
        return True

    cdef int repeated(self, int number) except -1:
        """The number of a buffer with a copy of this one for each sample."""
        cdef _Buffer one = <_Buffer>self.source.buffers[number]
        cdef int copy = <int>len(self.target.buffers)
        self.target.buffers.append(buffer_of_all(one, self.n))
        self.strides.append(one.n_bytes)
        (<_Buffer>self.target.buffers[copy]).n_writes = 1
        if self.n > 0:
            self.target.add(PT_STEP_COPY, CONVERSION, one.type, (self.n, *one.dims),
                            [(number, 0, one.type, (0, *one.strides))],
                            [(copy, 0, one.type, (one.n_bytes, *one.strides))])
        return copy

    cdef int place_call(self, _Step step) except -1:
        """A call back into Python: one per sample, unless the function has a batch axis."""
        cdef _Call one = step.call, call = _Call.__new__(_Call)
        cdef _Step calls
        cdef Py_ssize_t n = self.n
        mapped, ndims = [], []
        call.name = one.name
        call.inputs = []
        call.results = []
        ins = []
        for k, place in enumerate(step.ins):
            dims = one.inputs[k][2]
            ndims.append(len(dims))
            if self.strides[place[0]] is None:
                mapped.append(False)
            else:
                mapped.append(True)
                dims = (n, *dims)
                place = self.in_front(place)
            if len(dims) > PT_MAX_NDIM:
                raise ValueError(f"{self.source.name}: {one.name}: {len(dims)} axes with that of "
                                 f"the samples: at most {PT_MAX_NDIM}")
            call.inputs.append((place[1], place[2], dims, place[3]))
            ins.append(place)
        for type, dims in one.results:
            call.results.append((type, (n, *dims)))
        together = None if one.together is None else one.together(mapped, ndims)
        if together is None:
            call.function = each_sample(one.function, mapped, n)
        else:
            call.function, call.together = together
        calls = self.target.add(PT_STEP_CALL, 0, 0, (), ins, self.all_in_front(step.outs))
        calls.call = call
        calls.keep = step.keep
        return 0


cdef _Step add_like(_Trace trace, _Step like, tuple shape, list ins, list outs, tuple sizes):
    """Adds a step of the same kind."""
    cdef _Step step = trace.add(like.kind, like.op, like.type, shape, ins, outs, sizes)
    step.n_reduced = like.n_reduced
    step.name = like.name
    step.number = like.number
    step.run = like.run
    step.parameters = like.parameters
    step.check = like.check
    step.call = like.call
    step.loop = like.loop
    step.loop_strides = like.loop_strides
    step.parts = like.parts
    step.keep = like.keep
    return step


cdef int put_back(_Trace trace) except -1:
    """Gives generators of random numbers the states they had before the recording, which is no call
    of the function. A trace around it does the same if it is one of a sample."""
    for generator, state in reversed(trace.drawn_from):
        generator().bit_generator.state = state
    if trace.outer is not None:
        trace.outer.drawn_from += trace.drawn_from
    return 0


cdef _Buffer buffer_of_all(_Buffer one, Py_ssize_t n):
    """The buffer of n samples."""
    cdef _Buffer buffer = _Buffer.__new__(_Buffer)
    buffer.kind = one.kind
    buffer.n_bytes = n * one.n_bytes
    buffer.n_writes = one.n_writes
    buffer.type = one.type
    buffer.dims = (n, *one.dims)
    buffer.strides = (one.n_bytes, *one.strides)
    return buffer


cdef Tensor untraced_numpy(object array):
    """An ndarray as a tensor that no trace knows."""
    global innermost_trace
    cdef PyObject *trace = innermost_trace
    innermost_trace = NULL
    try:
        return from_numpy(array)
    finally:
        innermost_trace = trace


cdef object each_sample(object function, list mapped, Py_ssize_t n):
    """function as one of n samples' tensors, which come and are returned stacked."""
    def call(*tensors):
        cdef Tensor t
        parts = None
        for i in range(n):
            arguments = []
            for k in range(len(tensors)):
                arguments.append(basic_index(<Tensor>tensors[k], (i,)) if mapped[k]
                                 else tensors[k])
            result = function(*arguments)
            results = result if isinstance(result, tuple) else (result,)
            if parts is None:
                parts = []
                for t in results:
                    parts.append(new_stack(n, t))
            for t, part in zip(results, parts):
                if t.shape != part.shape[1:]:
                    raise ValueError(f"vmap: a result of shape {t.shape}: expected "
                                     f"{part.shape[1:]}, as for the first sample (shapes must not "
                                     "depend on values)")
                copy_into(t, basic_index(<Tensor>part, (i,)))
        return rebuilt((), parts) if isinstance(result, tuple) else parts[0]
    return call


cdef Tensor new_stack(Py_ssize_t n, Tensor t):
    """A tensor of n like t, whose axes are in t's order in memory."""
    cdef Py_ssize_t dims[PT_MAX_NDIM + 1]
    cdef int d
    if t.ndim == PT_MAX_NDIM:
        raise ValueError(f"vmap: a result of {t.ndim} axes: at most {PT_MAX_NDIM - 1}")
    dims[0] = n
    for d in range(t.ndim):
        dims[d + 1] = t.dims[d]
    return new_tensor(t.type, t.ndim + 1, dims)


# --------------------------------------------------------------------- the mapped function


@cython.final
cdef class _Summed:
    """Where out_axes has it, the result is the sum over the samples: a part of derivatives."""


SUMMED = _Summed()


cdef class _Mapped(_Recorded):
    """What vmap makes of a function."""

    cdef object in_axes, out_axes

    def __call__(self, *args, **kwargs):
        cdef tuple names = ()
        cdef list leaves = []
        cdef _Recording recording
        if kwargs:
            names = tuple(kwargs)
            args += tuple(kwargs.values())
        if innermost_trace != NULL:
            return self.in_trace(self.converted(args), names)
        recording = self.find(args, names, leaves)
        if recording is None:
            args = self.converted(args)
            recording = self.find(args, names, leaves)
            if recording is None:
                recording = self.record_samples(args, names)
                matches_all(recording.models, args, leaves)
        tracked = recording_mask and self.tapes_of(recording.program, leaves)
        states = states_now(recording.drawn_from) if tracked else ()
        result = filled_in(recording.result, self.run(recording.program, leaves, []))
        if tracked:
            return HANDED_DOWN["record_program"](self, self.function, self.converted(args), names,
                                                 recording.program.captured, result, recording.axes,
                                                 states)
        return result

    cdef _Recording record_samples(self, tuple args, tuple names):
        cdef _Recording recording = _Recording.__new__(_Recording)
        cdef list wanted = []
        cdef _Trace trace = self.traced(recording, args, names, wanted, [])
        recording.program = _Program.of(trace, wanted)
        self.keep(recording)
        return recording

    cdef object in_trace(self, tuple args, tuple names):
        """The call while another function is recorded: its steps join the others."""
        global innermost_trace
        cdef PyObject *outer_trace = innermost_trace
        cdef GradientTape tape = innermost()
        cdef _Trace outer = current_trace(), trace
        cdef _Recording recording = _Recording.__new__(_Recording)
        cdef list wanted = [], leaves = [], captured, results, numbers
        cdef Tensor t
        if outer.elementwise:
            raise TypeError("fuse: vmap is not element-wise")
        trace = self.traced(recording, args, names, wanted, leaves)
        captured = list(trace.outside.values())
        tracked = recording_mask and (is_watched(leaves) or is_watched(captured))
        states = states_now(recording.drawn_from) if tracked else ()
        numbers = joined(outer, trace, leaves, wanted)
        innermost_trace = NULL
        record_from(None)
        try:
            results = _Program.of(trace, wanted).run(leaves, [])
        finally:
            innermost_trace = outer_trace
            record_from(tape)
        for t, number in zip(results, numbers):
            t.traced = True
            t.trace = outer.serial
            t.buffer = number
        result = filled_in(recording.result, results)
        if tracked:
            return HANDED_DOWN["record_program"](self, self.function, args, names, captured, result,
                                                 recording.axes, states)
        return result

    cdef _Trace traced(self, _Recording recording, tuple args, tuple names, list wanted,
                       list leaves):
        """The trace of all samples. Fills in what the recording keeps besides the program, the
        buffers of the results, and the tensors among the arguments."""
        cdef _Trace trace = _Trace.__new__(_Trace, self.name, False)
        cdef _Batching batching
        cdef list axes = [], out_axes = [], strides = [], wanted_of_one = []
        cdef Py_ssize_t n
        in_axes = self.argument_axes(args, names, axes, leaves)
        n = self.batch_size(axes, leaves)
        for t, axis in zip(leaves, axes):
            strides.append(None if axis is None else t.strides[axis])
        left = list(axes)
        samples = mapped(args, lambda t: sample_of(t, left.pop(0)))
        trace.one_of_many = True
        trace.is_supposed = trace.is_supposed or n == 0
        try:
            result = traced_result(
                lambda arguments: axes_of(self.out_axes, self.call(arguments, names), out_axes,
                                          [], self.name, None),
                trace, samples, wanted_of_one, [])
        finally:
            put_back(trace)
        recording.drawn_from = first_states(trace)
        trace.stand_ins = []
        batching = _Batching.of(trace, strides, n)
        recording.result = batching.result(result, wanted_of_one, list(out_axes), wanted)
        recording.models = mapped(args, outline)
        recording.names = names
        # the gradient of a sum is the same for all samples
        recording.axes = (in_axes, [None if axis is SUMMED else axis for axis in out_axes])
        return batching.target

    cdef tuple argument_axes(self, tuple args, tuple names, list axes, list leaves):
        """The arguments with axes in place of tensors; appends these and the tensors to lists."""
        cdef Py_ssize_t n = len(args) - len(names), k
        cdef list result = []
        if isinstance(self.in_axes, (list, tuple)) and len(self.in_axes) != n:
            raise ValueError(f"{self.name}: in_axes: found {len(self.in_axes)} entries: expected "
                             f"{n}, one for each positional argument")
        for k in range(len(args)):
            if k < n:
                axis = self.in_axes[k] if isinstance(self.in_axes, (list, tuple)) else self.in_axes
                what = f"argument {k}"
            else:
                axis = 0
                what = f"argument {names[k - n]}"
            result.append(axes_of(axis, args[k], axes, leaves, self.name, what))
        return tuple(result)

    cdef Py_ssize_t batch_size(self, list axes, list leaves) except -1:
        """The length of the mapped axes."""
        cdef Py_ssize_t n = -1, length
        for t, axis in zip(leaves, axes):
            if axis is not None:
                length = t.shape[axis]
                if n >= 0 and n != length:
                    raise ValueError(f"{self.name}: the mapped axes have lengths {n} and {length}: "
                                     "expected equal ones")
                n = length
        if n < 0:
            raise ValueError(f"{self.name}: no argument is mapped: expected a tensor with an axis "
                             "in in_axes")
        return n


cdef object axes_of(object axes, object value, list found, list tensors, str name, str what,
                    int depth=0):
    """The value with its axis in place of each tensor, for what is an argument; the value itself
    with tensors in place of numbers, for the function's result. Appends axes and tensors.

    Args:
        axes: As for vmap: an integer, None, or nested ones in the form of the value.
        what: The argument; None for the result.
    """
    cdef bint is_result = what is None
    cdef Tensor t
    cdef int ndim
    check_depth(depth, "vmap")
    place = f"{name}: {'out_axes' if is_result else 'in_axes'}"
    if isinstance(axes, (list, tuple, dict)):
        if isinstance(axes, dict) != isinstance(value, dict) or (
                not isinstance(value, (list, tuple, dict)) or len(axes) != len(value)):
            raise ValueError(f"{place}: found {axes!r} for "
                             f"{'the result' if is_result else what}, {describe(value)}: expected "
                             "an integer, None, or nested ones in its form")
    elif axes is not None and axes is not SUMMED:
        axes = operator.index(axes)
    if isinstance(value, dict):
        if isinstance(axes, dict) and list(axes) != list(value):
            axes = {key: axes[key] for key in value if key in axes}
            if len(axes) != len(value):
                raise ValueError(f"{place}: found other keys than {list(value)}")
        return {key: axes_of(axes[key] if isinstance(axes, dict) else axes, part, found, tensors,
                             name, what, depth + 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = []
        for k, part in enumerate(value):
            parts.append(axes_of(axes[k] if isinstance(axes, (list, tuple)) else axes, part, found,
                                 tensors, name, what, depth + 1))
        return rebuilt(value, parts)
    if value is None or isinstance(value, str):
        return value if is_result else None
    if not isinstance(value, Tensor):
        if not is_result:
            if axes is not None:
                raise TypeError(f"{name}: {what}: found {value!r}, which has no axis {axes}: "
                                "expected a tensor, or None for it in in_axes")
            return None
        if scalar_kind(value) == NOT_SCALAR:
            return value            # of no kind that a recorded function returns: an error
        value = as_tensor(value)
    t = value
    if axes is not None and axes is not SUMMED:
        ndim = t.ndim + is_result
        if not -ndim <= axes < ndim:
            raise ValueError(f"{place}: found {axes} for "
                             f"{'a result' if is_result else f'{what}, a tensor'} of shape "
                             f"{t.shape}: expected an axis from {-ndim} to {ndim - 1}"
                             if ndim else
                             f"{place}: found {axes} for {what}, a tensor without axes: expected "
                             "None")
        axes += ndim if axes < 0 else 0
        if is_result and t.ndim == PT_MAX_NDIM:
            raise ValueError(f"{name}: a result has {t.ndim} axes: at most {PT_MAX_NDIM - 1}")
    found.append(axes)
    tensors.append(t)
    return t if is_result else axes


cdef Tensor sample_of(Tensor t, object axis):
    """The first sample, on the same memory; zeros where there is none."""
    cdef Tensor sample = plain_view(t)
    cdef int d, along
    sample.readonly = t.readonly
    sample.traced = t.traced
    sample.root = None if t.root is None and not t.traced else root_of(t)
    if axis is None:
        return sample
    along = axis
    if t.dims[along] == 0:
        shape = list(t.shape)
        del shape[along]
        return untraced_numpy(np.zeros(shape, DTYPES[t.type]))
    sample.ndim = t.ndim - 1
    sample.size = t.size // t.dims[along]
    for d in range(along, sample.ndim):
        sample.dims[d] = t.dims[d + 1]
        sample.steps[d] = t.steps[d + 1]
    sample.contiguous = is_contiguous(sample.ndim, sample.dims, sample.steps,
                                      <Py_ssize_t>pt_dtype_size[t.type])
    return sample


cdef list joined(_Trace outer, _Trace trace, list leaves, list wanted):
    """Appends a trace's steps to those of the trace around it. leaves: its arguments. Returns the
    numbers that the buffers in wanted have there."""
    cdef _Step step
    cdef _Buffer buffer, other
    cdef Tensor t
    cdef dict places = {}           # number of a buffer -> (number there, offset)
    for t in leaves:
        outer.place(t, t.ndim, t.steps)     # an error unless it was recorded
    for t in trace.outside.values():
        outer.place(t, t.ndim, t.steps)

    def moved(place):
        number, offset = places[place[0]]
        return (number, place[1] + offset, place[2], place[3])

    used = set(wanted)
    for step in trace.steps:
        for place in step.ins + step.outs:
            used.add(place[0])
    for number in used:
        buffer = <_Buffer>trace.buffers[number]
        if buffer.kind == ARGUMENT:
            t = <Tensor>leaves[buffer.argument]
            places[number] = (outer.buffer_of(t), <Py_ssize_t>(t.data - root_of(t).data))
            continue
        if buffer.kind == CAPTURED:
            places[number] = (outer.buffer_of(buffer.tensor), 0)
            continue
        key = None
        if buffer.kind == CONSTANT and buffer.n_bytes == <Py_ssize_t>pt_dtype_size[buffer.type]:
            key = (buffer.type, buffer.tensor.data[:buffer.n_bytes])
        if key is None or key not in outer.numbers:
            other = buffer_of_all(buffer, 1)
            other.dims, other.strides, other.tensor = buffer.dims, buffer.strides, buffer.tensor
            outer.buffers.append(other)
            places[number] = (len(outer.buffers) - 1, 0)
            if key is not None:
                outer.numbers[key] = places[number][0]
        else:
            places[number] = (outer.numbers[key], 0)
    for step in trace.steps:
        add_like(outer, step, step.shape, list(map(moved, step.ins)),
                 list(map(moved, step.outs)), step.sizes)
    return [places[number][0] for number in wanted]


def vmap(f, in_axes=0, out_axes=0):
    """Returns the function that applies f to each sample of a batch, all at once.

    f is written for one sample. It is recorded once for each combination of shapes and dtypes, on
    the first sample; the recorded kernel calls then get one more axis, so a batch takes about as
    long as a function written for batches. Products with a matrix that all samples share become one
    product. Any other function of the package may be applied to the result, and f may contain any
    other: vmap(grad(f)) computes the gradient of each sample.

    What can be recorded is what jit accepts. Random numbers are drawn for each sample. What NumPy
    computes is called for each sample.

    Args:
        f: A function of tensors and ndarrays, or nested lists, tuples and dictionaries of them. It
            returns a tensor, or nested ones.
        in_axes: The axis of the samples in the arguments: an integer; None for an argument that is
            the same for all samples; or a tuple with an entry for each positional argument, which
            may be nested like the argument. Keyword arguments are mapped over axis 0.
        out_axes: Where the samples are in the result: an integer, or nested ones in its form. None
            for a result that does not depend on the sample.

    Returns:
        A function of the same arguments with one more axis each, whose results have one more axis.

    Raises:
        ValueError: At the call: the mapped axes have different lengths or do not exist, no
            argument is mapped, or a result with None in out_axes depends on the sample.
        TypeError: in_axes or out_axes are something else, or f can't be recorded (see jit).

    >>> distances = pt.vmap(lambda x, y: pt.sqrt(pt.sum((x - y) ** 2)), in_axes=(0, None))
    >>> distances(pt.asarray([[0.0, 0.0], [3.0, 4.0]]), pt.asarray([0.0, 0.0]))
    Tensor([0., 5.], dtype=float32)
    """
    cdef _Mapped result
    if not callable(f):
        raise TypeError(f"vmap: found {describe(f)}: expected a function")
    for name, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        check_axes(name, axes)
    result = _Mapped(f, f"vmap: {getattr(f, '__name__', 'function')}", False)
    result.in_axes = in_axes
    result.out_axes = out_axes
    return update_wrapper(result, f)


cdef int check_axes(str name, object axes, int depth=0) except -1:
    check_depth(depth, "vmap")
    if isinstance(axes, (list, tuple)):
        for part in axes:
            check_axes(name, part, depth + 1)
    elif isinstance(axes, dict):
        for part in axes.values():
            check_axes(name, part, depth + 1)
    elif axes is not None and axes is not SUMMED and (
            isinstance(axes, bool) or not hasattr(axes, "__index__")):
        raise TypeError(f"vmap: {name}: found {describe(axes)}: expected an integer, None, or "
                        "nested ones in the form of the "
                        f"{'arguments' if name == 'in_axes' else 'result'}")
    return 0
