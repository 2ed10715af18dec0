# Validated and told at length in the module above.

variable "name" {
  description = "The cluster's name"
  type        = string
}

variable "region" {
  description = "AWS region"
  type        = string
}

variable "api_cidrs" {
  description = "From where the API may be reached"
  type        = list(string)
}

variable "kubernetes_version" {
  description = "Kubernetes' version; null: EKS's default"
  type        = string
}

variable "cpu_instance_type" {
  description = "Of the nodes without a GPU"
  type        = string
}

variable "cpu_nodes" {
  description = "Fewest and most of them"
  type        = object({ min = number, max = number })
}

variable "gpu_instance_types" {
  description = "Of the nodes with a GPU"
  type        = list(string)
}

variable "gpu_capacity" {
  description = "SPOT or ON_DEMAND"
  type        = string
}

variable "gpu_nodes" {
  description = "Most nodes with a GPU"
  type        = number
}

variable "accounts" {
  description = "Role -> the service account that takes it, and its policy"
  type        = map(object({ namespace = string, account = string, policy = string }))
}
