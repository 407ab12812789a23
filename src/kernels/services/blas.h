/* blas.h: the functions of OpenBLAS that matmul.c calls.
 *
 * Declared here, as CBLAS's standard and OpenBLAS's manual do, and not by OpenBLAS's cblas.h, which
 * is made for the system that it was built on. Integers have 32 bits. */
#ifndef BLAS_H
#define BLAS_H

#include <stdbool.h>

typedef enum { CblasRowMajor = 101 } pt_blas_order;
typedef enum { CblasNoTrans = 111, CblasTrans = 112 } pt_blas_transpose;

typedef struct {
    /* c = alpha op(a) op(b) + beta c, with op(a) (m, k), op(b) (k, n) */
    void (*sgemm)(pt_blas_order order, pt_blas_transpose op_a, pt_blas_transpose op_b, int m, int n,
                  int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta,
                  float *c, int ldc);
    void (*dgemm)(pt_blas_order order, pt_blas_transpose op_a, pt_blas_transpose op_b, int m, int n,
                  int k, double alpha, const double *a, int lda, const double *b, int ldb,
                  double beta, double *c, int ldc);
    /* y = alpha op(a) x + beta y, with a (m, n) */
    void (*sgemv)(pt_blas_order order, pt_blas_transpose op_a, int m, int n, float alpha,
                  const float *a, int lda, const float *x, int x_step, float beta, float *y,
                  int y_step);
    void (*dgemv)(pt_blas_order order, pt_blas_transpose op_a, int m, int n, double alpha,
                  const double *a, int lda, const double *x, int x_step, double beta, double *y,
                  int y_step);
    float (*sdot)(int n, const float *x, int x_step, const float *y, int y_step);
    double (*ddot)(int n, const double *x, int x_step, const double *y, int y_step);
    int (*get_num_threads)(void);
    void (*set_num_threads)(int n);
    char *(*get_config)(void);
    char *(*get_corename)(void);
} pt_blas;

/* false in builds without BLAS: then nothing below may be called. */
bool pt_blas_is_there(void);

/* Valid once pt_load_blas has returned NULL. OpenBLAS runs on one thread: ours. */
extern pt_blas blas;

/* Whether OpenBLAS has memory to work with. Check it before the calls of a product. */
bool pt_blas_has_memory(void);

/* Enclose all calls of these functions; do not nest. A fork waits until all threads have left. If
 * there is no memory for another thread inside, it waits for one to leave. Resets OpenBLAS to one
 * thread if other code has changed that. */
void pt_enter_blas(void);
void pt_leave_blas(void);

#endif
