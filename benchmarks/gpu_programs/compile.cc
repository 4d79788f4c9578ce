// Compiles HLO for a GPU that need not be there: compile DEVICE FOLDER CUDA HLO...
//
// TensorFlow's wheel holds the whole XLA:GPU compiler. For each file of HLO, XLA dumps
// what it made, the optimised HLO, PTX, launch dimensions and buffers, into a folder of
// its own: FOLDER/0, FOLDER/1 and so on. CUDA is a folder where XLA looks for ptxas and
// libdevice; nothing reads what that ptxas writes. Prints the device's processors, GHz
// and bytes per second.
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "xla/backends/gpu/target_config/target_config.h"
#include "xla/debug_options_flags.h"
#include "xla/hlo/ir/hlo_module.h"
#include "xla/service/compiler.h"
#include "xla/service/executable.h"
#include "xla/service/gpu_topology.h"
#include "xla/service/hlo.pb.h"
#include "xla/stream_executor/cuda/cuda_platform_id.h"

namespace {

using stream_executor::GpuTargetConfigProto;
using xla::gpu::GpuModel;

// A device that the wheel does not know, as one that it knows, with other figures.
absl::StatusOr<GpuTargetConfigProto> Like(GpuModel model, const std::string& name,
                                          int major, int minor, int processors,
                                          int threads, int shared_memory, double ghz,
                                          int64_t bandwidth, int64_t l2) {
  auto target = xla::gpu::GetGpuTargetConfig(model);
  if (!target.ok()) return target;
  auto& device = *target->mutable_gpu_device_info();
  device.mutable_cuda_compute_capability()->set_major(major);
  device.mutable_cuda_compute_capability()->set_minor(minor);
  device.set_core_count(processors);
  device.set_threads_per_core_limit(threads);
  device.set_shared_memory_per_core(shared_memory);
  device.set_shared_memory_per_block_optin(shared_memory - (major > 7 ? 1024 : 0));
  device.set_clock_rate_ghz(ghz);
  device.set_memory_bandwidth(bandwidth);
  device.set_l2_cache_size(l2);
  target->set_device_description_str(name);
  return target;
}

absl::StatusOr<GpuTargetConfigProto> Device(const std::string& name) {
  static const std::map<std::string, GpuModel> known = {
      {"h100", GpuModel::H100_SXM}, {"a100", GpuModel::A100_SXM_80},
      {"v100", GpuModel::V100},     {"b200", GpuModel::B200}};
  if (auto found = known.find(name); found != known.end())
    return xla::gpu::GetGpuTargetConfig(found->second);
  if (name == "t4")
    return Like(GpuModel::V100, "Tesla T4", 7, 5, 40, 1024, 65536, 1.59, 320000000000,
                4 << 20);
  if (name == "l4")
    return Like(GpuModel::A6000, "NVIDIA L4", 8, 9, 58, 1536, 102400, 2.04,
                300000000000, 48 << 20);
  if (name == "h200")
    return Like(GpuModel::H100_SXM, "NVIDIA H200", 9, 0, 132, 2048, 233472, 1.98,
                4800000000000, 50 << 20);
  return absl::InvalidArgumentError("no such device: " + name);
}

absl::Status Compile(const std::string& hlo, const std::string& folder,
                     const std::string& cuda, const xla::gpu::GpuTargetConfig& target) {
  std::ifstream file(hlo, std::ios::binary);
  xla::HloModuleProto proto;
  if (!proto.ParseFromIstream(&file))
    return absl::InvalidArgumentError("no HLO: " + hlo);
  auto debug = xla::GetDebugOptionsFromFlags();
  debug.set_xla_dump_to(folder);
  debug.set_xla_gpu_cuda_data_dir(cuda);
  auto config = xla::HloModule::CreateModuleConfigFromProto(proto, debug);
  if (!config.ok()) return config.status();
  auto module = xla::HloModule::CreateFromProto(proto, *config);
  if (!module.ok()) return module.status();
  auto compiler =
      xla::Compiler::GetForPlatform(stream_executor::cuda::kCudaPlatformId);
  if (!compiler.ok()) return compiler.status();
  xla::Compiler::CompileOptions options;
  options.gpu_topology = xla::GetSingleDeviceGpuTopology("", target);
  auto optimised =
      (*compiler)->RunHloPasses(std::move(*module), nullptr, options);
  if (!optimised.ok()) return optimised.status();
  return (*compiler)->RunBackend(std::move(*optimised), nullptr, options).status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::cerr << "compile DEVICE FOLDER CUDA HLO...\n", 2;
  auto proto = Device(argv[1]);
  if (!proto.ok()) return std::cerr << proto.status() << "\n", 2;
  auto target = xla::gpu::GpuTargetConfig::FromProto(*proto);
  if (!target.ok()) return std::cerr << target.status() << "\n", 2;
  const auto& device = proto->gpu_device_info();
  std::cout << device.core_count() << " " << device.clock_rate_ghz() << " "
            << device.memory_bandwidth() << "\n";
  for (int i = 4; i < argc; ++i) {
    const std::string folder = std::string(argv[2]) + "/" + std::to_string(i - 4);
    if (auto status = Compile(argv[i], folder, argv[3], *target); !status.ok())
      return std::cerr << argv[i] << ": " << status << "\n", 1;
  }
}
