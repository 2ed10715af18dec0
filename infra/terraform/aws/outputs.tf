output "store" {
  description = "CHARREC_STORE: the store's address"
  value       = "s3://${aws_s3_bucket.store.bucket}/${var.prefix}"
}

output "bucket" {
  description = "The bucket's name"
  value       = aws_s3_bucket.store.bucket
}

output "region" {
  description = "AWS_DEFAULT_REGION for `make deploy`: the region of everything"
  value       = var.region
}

output "cluster_name" {
  description = "The cluster, as `aws eks update-kubeconfig --name` takes it; null without one"
  value       = one(module.cluster[*].name)
}

output "study_role_arn" {
  description = "Annotation eks.amazonaws.com/role-arn of the service account charrec-study; null without a cluster"
  value       = one(module.cluster[*].roles["study"])
}

output "worker_role_arn" {
  description = "Annotation eks.amazonaws.com/role-arn of the service account charrec-worker; null without a cluster"
  value       = one(module.cluster[*].roles["worker"])
}

output "autoscaler_role_arn" {
  description = "The same of kube-system/cluster-autoscaler, which begins and ends the nodes; null without a cluster"
  value       = one(module.cluster[*].roles["autoscaler"])
}

output "vpc_id" {
  description = "The cluster's network, for a database that Prefect's server reaches; null without a cluster"
  value       = one(module.cluster[*].vpc_id)
}

output "private_subnet_ids" {
  description = "Its subnets without public addresses, where nodes are; null without a cluster"
  value       = one(module.cluster[*].private_subnet_ids)
}

output "cluster_security_group_id" {
  description = "The nodes' security group, to be let in by a database; null without a cluster"
  value       = one(module.cluster[*].security_group_id)
}

output "policy_arns" {
  description = "Policies by role (study, worker, reader), to be attached to whoever works from outside the cluster"
  value       = { for role, policy in aws_iam_policy.store : role => policy.arn }
}

output "secrets" {
  description = "Names in Secrets Manager, empty until a person puts the values in"
  value       = { for name, secret in aws_secretsmanager_secret.given : name => secret.name }
}
