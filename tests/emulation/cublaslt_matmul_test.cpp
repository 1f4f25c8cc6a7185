#include <limits>

#include "emulation/library_support.hpp"

namespace sidestep::test {
namespace {

#define CUBLAS_OK(...) ASSERT_EQ((__VA_ARGS__), CUBLAS_STATUS_SUCCESS)

/// One matrix, with a layout of its own.
struct Matrix {
  int rows, cols, ld;
  cublasLtOrder_t order = CUBLASLT_ORDER_COL;
  cublasLtMatrixLayout_t layout = nullptr;

  Matrix(int rows, int cols, int extra = 0, cublasLtOrder_t order = CUBLASLT_ORDER_COL)
      : rows(rows), cols(cols), ld((order == CUBLASLT_ORDER_COL ? rows : cols) + extra), order(order) {
    EXPECT_EQ(cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, std::uint64_t(rows), std::uint64_t(cols), ld),
              CUBLAS_STATUS_SUCCESS);
    const std::int32_t value = order;
    EXPECT_EQ(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_ORDER, &value, sizeof value),
              CUBLAS_STATUS_SUCCESS);
  }
  ~Matrix() { cublasLtMatrixLayoutDestroy(layout); }
  Matrix(const Matrix&) = delete;

  std::size_t size() const { return std::size_t(ld) * (order == CUBLASLT_ORDER_COL ? cols : rows); }
  std::size_t at(int row, int col) const {
    return std::size_t(order == CUBLASLT_ORDER_COL ? col * ld + row : row * ld + col);
  }
};

class CublasLtMatmul : public testing::Test {
 protected:
  CublasLtMatmul() {
    EXPECT_EQ(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulPreferenceCreate(&preference), CUBLAS_STATUS_SUCCESS);
  }
  ~CublasLtMatmul() override {
    cublasLtMatmulDescDestroy(operation);
    cublasLtMatmulPreferenceDestroy(preference);
  }
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value) {
    CUBLAS_OK(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value));
  }
  void transpose(bool a, bool b) {
    set(CUBLASLT_MATMUL_DESC_TRANSA, std::int32_t(a ? CUBLAS_OP_T : CUBLAS_OP_N));
    set(CUBLASLT_MATMUL_DESC_TRANSB, std::int32_t(b ? CUBLAS_OP_T : CUBLAS_OP_N));
  }
  void epilogue(cublasLtEpilogue_t value) { set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t(value)); }

  cublasStatus_t multiply(float alpha, const Matrix& a, const DeviceFloats& da, const Matrix& b, const DeviceFloats& db,
                          float beta, const Matrix& c, const float* dc, const Matrix& d, float* dd) {
    const auto status = cublasLtMatmul(handle, operation, &alpha, da.data(), a.layout, db.data(), b.layout, &beta, dc,
                                       c.layout, dd, d.layout, nullptr, nullptr, 0, stream);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    return status;
  }

  CublasLt handle;
  Stream stream;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
};

TEST_F(CublasLtMatmul, OfAnyLayoutIsTheSumOfProducts) {
  std::mt19937 random(31);
  for (int i = 0; i < 80; ++i) {
    const int m = between(random, 1, 40), n = between(random, 1, 40), k = between(random, 1, 40);
    const bool ta = between(random, 0, 1), tb = between(random, 0, 1), in_place = between(random, 0, 1);
    const auto order = [&] { return between(random, 0, 1) ? CUBLASLT_ORDER_ROW : CUBLASLT_ORDER_COL; };
    const auto d_order = order();
    const float alpha = between(random, 0, 1) ? 1.0f : -0.5f, beta = between(random, 0, 1) ? 0.0f : 2.0f;
    SCOPED_TRACE(testing::Message() << "case " << i << ": " << m << "x" << n << "x" << k << (ta ? ", A'" : ", A")
                                    << (tb ? " B'" : " B") << ", order " << d_order << ", beta " << beta);
    transpose(ta, tb);
    const Matrix a(ta ? k : m, ta ? m : k, between(random, 0, 3), order()),
        b(tb ? n : k, tb ? k : n, between(random, 0, 3), order()), d(m, n, between(random, 0, 3), d_order),
        c(m, n, in_place ? d.ld - (d_order == CUBLASLT_ORDER_COL ? m : n) : 2, d_order);
    const Floats va = random_floats(random, a.size()), vb = random_floats(random, b.size());
    Floats vc = random_floats(random, c.size()), vd(d.size(), std::numeric_limits<float>::quiet_NaN());
    if (in_place) vd = vc;
    const DeviceFloats da(va), db(vb), dc(vc), dd(vd);
    CUBLAS_OK(multiply(alpha, a, da, b, db, beta, c, in_place ? dd.data() : dc.data(), d, dd.data()));
    const Floats got = dd.get();
    Floats values;
    Doubles wanted;
    for (int row = 0; row < m; ++row)
      for (int col = 0; col < n; ++col) {
        double sum = 0;
        for (int j = 0; j < k; ++j)
          sum += double(va[ta ? a.at(j, row) : a.at(row, j)]) * vb[tb ? b.at(col, j) : b.at(j, col)];
        wanted.push_back(alpha * sum + (beta != 0.0f ? double(beta) * vc[c.at(row, col)] : 0.0));
        values.push_back(got[d.at(row, col)]);
      }
    EXPECT_LE(distance(values, wanted), 1e-5);
  }
}

/// Forward of a dense layer in its usual form: y [batch x units] = x [batch x inputs] W' [inputs x units] in rows,
/// which are columns of units for cuBLASLt; then the backward product with the mask that the forward one left.
TEST_F(CublasLtMatmul, AddsBiasKeepsTheMaskOfReluAndUsesIt) {
  constexpr int batch = 7, inputs = 33, units = 37, more = 5;
  std::mt19937 random(37);
  const Matrix w(inputs, units), x(inputs, batch), y(units, batch);
  const Floats vw = random_floats(random, w.size()), vx = random_floats(random, x.size()),
               bias = random_floats(random, units);
  constexpr int mask_ld = 128;
  const DeviceFloats dw(vw), dx(vx), dbias(bias), dy(y.size());
  const DeviceArray<unsigned char> mask(std::size_t(mask_ld) / 8 * batch, 0xAA);
  Doubles before(y.size()), relu(y.size()), biased(y.size());
  for (int col = 0; col < batch; ++col)
    for (int row = 0; row < units; ++row) {
      double sum = bias[std::size_t(row)];
      for (int j = 0; j < inputs; ++j) sum += double(vw[w.at(j, row)]) * vx[x.at(j, col)];
      before[y.at(row, col)] = sum - bias[std::size_t(row)];
      biased[y.at(row, col)] = sum;
      relu[y.at(row, col)] = std::max(sum, 0.0);
    }
  transpose(true, false);
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(dbias.data()));
  epilogue(CUBLASLT_EPILOGUE_BIAS);
  CUBLAS_OK(multiply(1, w, dw, x, dx, 0, y, dy.data(), y, dy.data()));
  EXPECT_LE(distance(dy.get(), biased), 1e-5);
  epilogue(CUBLASLT_EPILOGUE_RELU_BIAS);
  CUBLAS_OK(multiply(1, w, dw, x, dx, 0, y, dy.data(), y, dy.data()));
  EXPECT_LE(distance(dy.get(), relu), 1e-5);

  epilogue(CUBLASLT_EPILOGUE_RELU_AUX_BIAS);
  EXPECT_EQ(multiply(1, w, dw, x, dx, 0, y, dy.data(), y, dy.data()), CUBLAS_STATUS_INVALID_VALUE) << "no mask";
  set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, static_cast<void*>(mask.data()));
  set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{64});
  EXPECT_EQ(multiply(1, w, dw, x, dx, 0, y, dy.data(), y, dy.data()), CUBLAS_STATUS_INVALID_VALUE) << "64 bits";
  set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{mask_ld});
  CUBLAS_OK(multiply(1, w, dw, x, dx, 0, y, dy.data(), y, dy.data()));
  EXPECT_LE(distance(dy.get(), relu), 1e-5);

  // Gradient of y: V' g, set to zero where y was; its sum over the batch is the bias' gradient.
  const Matrix v(more, units), g(more, batch);
  const Floats vv = random_floats(random, v.size()), vg = random_floats(random, g.size());
  const DeviceFloats dv(vv), dg(vg), gradient(y.size()), bias_gradient(units, NAN);
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(bias_gradient.data()));
  epilogue(CUBLASLT_EPILOGUE_DRELU_BGRAD);
  CUBLAS_OK(multiply(1, v, dv, g, dg, 0, y, gradient.data(), y, gradient.data()));
  Doubles wanted(y.size()), wanted_bias(units);
  for (int col = 0; col < batch; ++col)
    for (int row = 0; row < units; ++row) {
      double sum = 0;
      for (int j = 0; j < more; ++j) sum += double(vv[v.at(j, row)]) * vg[g.at(j, col)];
      wanted[y.at(row, col)] = biased[y.at(row, col)] > 0 ? sum : 0.0;
      wanted_bias[std::size_t(row)] += wanted[y.at(row, col)];
    }
  EXPECT_LE(distance(gradient.get(), wanted), 1e-5);
  EXPECT_LE(distance(bias_gradient.get(), wanted_bias), 1e-5);
}

TEST_F(CublasLtMatmul, SumsAnOperandOnTheWay) {
  constexpr int m = 13, n = 9, k = 21;
  std::mt19937 random(41);
  const Matrix a(m, k), b(n, k), d(m, n);
  const Floats va = random_floats(random, a.size()), vb = random_floats(random, b.size());
  const DeviceFloats da(va), db(vb), dd(d.size()), sums_a(m, NAN), sums_b(n, NAN);
  transpose(false, true);
  epilogue(CUBLASLT_EPILOGUE_BGRADA);
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(sums_a.data()));
  CUBLAS_OK(multiply(1, a, da, b, db, 0, d, dd.data(), d, dd.data()));
  epilogue(CUBLASLT_EPILOGUE_BGRADB);
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(sums_b.data()));
  CUBLAS_OK(multiply(1, a, da, b, db, 0, d, dd.data(), d, dd.data()));
  Doubles wanted_a(m), wanted_b(n);
  for (int j = 0; j < k; ++j) {
    for (int row = 0; row < m; ++row) wanted_a[std::size_t(row)] += va[a.at(row, j)];
    for (int col = 0; col < n; ++col) wanted_b[std::size_t(col)] += vb[b.at(col, j)];
  }
  EXPECT_LE(distance(sums_a.get(), wanted_a), 1e-6);
  EXPECT_LE(distance(sums_b.get(), wanted_b), 1e-6);
}

TEST_F(CublasLtMatmul, ChoosesWithinTheWorkspaceAndWantsWhatItChose) {
  const Matrix a(8, 6), b(6, 5), d(8, 5);
  const DeviceFloats da(a.size(), 1.0f), db(b.size(), 2.0f), dd(d.size());
  cublasLtMatmulHeuristicResult_t results[4];
  int count = 0;
  const auto ask = [&](std::uint64_t bytes) {
    EXPECT_EQ(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes,
                                                   sizeof bytes),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, operation, a.layout, b.layout, d.layout, d.layout, preference, 4,
                                             results, &count),
              CUBLAS_STATUS_SUCCESS);
  };
  ask(0);
  ASSERT_EQ(count, 1);
  EXPECT_EQ(results[0].workspaceSize, 0u);
  ask(1 << 20);
  ASSERT_EQ(count, 2);
  ASSERT_GT(results[0].workspaceSize, 0u);
  EXPECT_EQ(results[0].state, CUBLAS_STATUS_SUCCESS);
  const DeviceArray<char> workspace(results[0].workspaceSize);
  const float one = 1.0f, zero = 0.0f;
  const auto run = [&](const cublasLtMatmulAlgo_t* algorithm, std::size_t bytes) {
    return cublasLtMatmul(handle, operation, &one, da.data(), a.layout, db.data(), b.layout, &zero, dd.data(), d.layout,
                          dd.data(), d.layout, algorithm, workspace.data(), bytes, stream);
  };
  EXPECT_EQ(run(&results[0].algo, results[0].workspaceSize - 1), CUBLAS_STATUS_INVALID_VALUE);
  const cublasLtMatmulAlgo_t garbage{};
  EXPECT_EQ(run(&garbage, results[0].workspaceSize), CUBLAS_STATUS_INVALID_VALUE);
  CUBLAS_OK(run(&results[0].algo, results[0].workspaceSize));
  EXPECT_EQ(dd.get(), Floats(d.size(), 12.0f));
}

TEST_F(CublasLtMatmul, HoldsTheCallerToTheAlignmentThatItPromised) {
  const Matrix a(8, 6), b(6, 5), d(8, 5);
  const DeviceFloats da(a.size() + 1, 1.0f), db(b.size(), 2.0f), dd(d.size());
  cublasLtMatmulHeuristicResult_t result;
  int count = 0;
  const float one = 1.0f, zero = 0.0f;
  const auto run = [&] {
    EXPECT_EQ(cublasLtMatmulAlgoGetHeuristic(handle, operation, a.layout, b.layout, d.layout, d.layout, preference, 1,
                                             &result, &count),
              CUBLAS_STATUS_SUCCESS);
    return cublasLtMatmul(handle, operation, &one, da.data() + 1, a.layout, db.data(), b.layout, &zero, dd.data(),
                          d.layout, dd.data(), d.layout, &result.algo, nullptr, 0, stream);
  };
  EXPECT_EQ(run(), CUBLAS_STATUS_NOT_SUPPORTED) << "256 bytes are promised unless something else is said";
  const std::uint32_t four = 4;
  CUBLAS_OK(
      cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &four, sizeof four));
  CUBLAS_OK(run());
  EXPECT_EQ(dd.get(), Floats(d.size(), 12.0f));
}

TEST_F(CublasLtMatmul, RefusesWhatDoesNotFitTogether) {
  const Matrix a(8, 6), b(6, 5), d(8, 5), wrong(7, 5), rows(8, 5, 0, CUBLASLT_ORDER_ROW);
  const DeviceFloats da(a.size()), db(b.size()), dd(100);
  EXPECT_EQ(multiply(1, a, da, b, db, 0, wrong, dd.data(), wrong, dd.data()), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(multiply(1, a, da, b, db, 1, d, nullptr, d, dd.data()), CUBLAS_STATUS_INVALID_VALUE);
  epilogue(CUBLASLT_EPILOGUE_BIAS);
  EXPECT_EQ(multiply(1, a, da, b, db, 0, d, dd.data(), d, dd.data()), CUBLAS_STATUS_INVALID_VALUE) << "no bias";
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(dd.data()));
  EXPECT_EQ(multiply(1, a, da, b, db, 0, rows, dd.data(), rows, dd.data()), CUBLAS_STATUS_NOT_SUPPORTED);
  epilogue(CUBLASLT_EPILOGUE_DEFAULT);
  set(CUBLASLT_MATMUL_DESC_SCALE_TYPE, std::int32_t(CUDA_R_64F));
  EXPECT_EQ(multiply(1, a, da, b, db, 0, d, dd.data(), d, dd.data()), CUBLAS_STATUS_NOT_SUPPORTED);
  const float one = 1.0f;
  EXPECT_EQ(cublasLtMatmul(nullptr, operation, &one, da.data(), a.layout, db.data(), b.layout, &one, dd.data(),
                           d.layout, dd.data(), d.layout, nullptr, nullptr, 0, stream),
            CUBLAS_STATUS_NOT_INITIALIZED);
}

}  // namespace
}  // namespace sidestep::test
