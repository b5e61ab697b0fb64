/** Servers: services under any design. */
export type { CounterName, CounterValues } from "./counters.ts";
export { designNamed, designs } from "./designs.ts";
export type {
  ConnectionMessage,
  DiagnosticChannel,
  DiagnosticMessages,
  ServerMessage,
  WorkerMessage,
} from "./diagnostics.ts";
export type { HistogramValues } from "./histograms.ts";
export { type HostedDatagrams, HostedService } from "./hosted.ts";
export type { KernelQueue } from "./kernel-queue.ts";
export { DEFAULT_LIMITS, type Limits, leastOf, MOST_OF_A_LIMIT } from "./limits.ts";
export { formatLabels, type MetricFamily, type MetricType, type Sample } from "./metrics/exposition.ts";
export { type MetricDescription, metricDescriptions } from "./metrics/families.ts";
export { type MetricsEndpoint, type MetricsOptions, serveMetrics } from "./metrics/metrics-endpoint.ts";
export { metricsText } from "./metrics/metrics-text.ts";
export { type ServeOptions, type Server, type ServerHistograms, type StopOptions, serve } from "./serve.ts";
export type { Json, Place, Service, ServiceReference } from "./service.ts";
export type { Kind, Placement, Report, ServerDesign, ServerEvent, Substitute } from "./task.ts";
